// What a consumer's compiler has to accept of state machines, and what it has to refuse.
import {
  type From,
  GenServer,
  type MachineState,
  type Outcome,
  StateMachine,
  type StateMachineBehavior,
  type StateMachineOptions,
  type StateMachineRef,
  Supervisor,
} from 'keelson/otp'

interface Data {
  readonly typed: string
  readonly waiting: readonly From[]
}
const options: StateMachineOptions = { name: 'lock', idleTimeoutMs: 1000, maxMailbox: 5 }
const lock: StateMachineBehavior<'open' | 'locked', Data, 'pass', string, boolean> = {
  init: () => ({ state: 'locked', data: { typed: '', waiting: [] }, timeouts: { daily: 1000 }, events: ['check'] }),
  states: {
    locked: {
      enter: (data, previous: 'open' | 'locked') => (previous === 'open' ? { data } : undefined),
      handleCall: (_message, { waiting, ...data }, from) => ({ data: { ...data, waiting: [...waiting, from] } }),
      handleCast: async (digit, { typed }): Promise<Outcome<'open' | 'locked', Data>> =>
        typed + digit === '1234' ? { next: 'open' } : { eventTimeout: { afterMs: 1000, message: 'slow' } },
    },
    open: {
      enter: ({ waiting }) => ({ replies: waiting.map((from): [From, boolean] => [from, true]), stateTimeout: 5 }),
      handleStateTimeout: () => ({ next: 'locked', stop: 'normal', postpone: false, repeat: false }),
      handleCall: () => ({ reply: true }),
    },
  },
  common: {
    handleInternal: () => ({ stateTimeout: null }),
    handleTimeout: (name: string) => ({ timeouts: { [name]: 5 } }),
  },
  terminate: (_reason, _data, state: 'open' | 'locked') => void state,
}
const ref: StateMachineRef<'open' | 'locked', Data, 'pass', string, boolean> = await StateMachine.start(lock, options)
const passed: boolean = await GenServer.call(ref, 'pass')
GenServer.cast(ref, '1') satisfies boolean
const state: MachineState<'open' | 'locked', Data> = GenServer.getState(ref)
void Supervisor.start({ children: [{ id: 'lock', start: () => StateMachine.start(lock) }] })

// The states are those that have handlers.
const door = await StateMachine.start({
  init: () => ({ state: 'closed', data: 0 }),
  states: { closed: { handleCast: (_message: 'open', n) => ({ next: 'open', data: n + 1 }) }, open: {} },
})
GenServer.getState(door).state satisfies 'closed' | 'open'
void [passed, state]

// @ts-expect-error: there is no such state
void StateMachine.start({ init: () => ({ state: 'b', data: 0 }), states: { a: {} } })
void StateMachine.start({
  init: () => ({ state: 'a', data: 0 }),
  // @ts-expect-error: there is no such state to go to
  states: { a: { handleCast: () => ({ next: 'c' }) } },
})
// @ts-expect-error: a state cannot be left while it is entered
void StateMachine.start({ init: () => ({ state: 'a', data: 0 }), states: { a: { enter: () => ({ next: 'a' }) } } })
// @ts-expect-error: a machine has timeouts
void StateMachine.start(lock, { onIdle: () => 5 })
// @ts-expect-error: not a message that it understands
void GenServer.call(ref, 'open')
