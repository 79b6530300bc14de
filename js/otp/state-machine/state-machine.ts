import { classNameOf } from '../../internal/class-name.ts'
import { lazy } from '../../internal/lazy.ts'
import { callable, callbacks, known, object, options as checkOptions } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { OPTIONS, startAs } from '../gen-server/start.ts'
import type { StateMachineBehavior, StateMachineOptions, StateMachineRef } from './types.ts'
import type * as MachineModule from './machine.ts'

const machines = lazy(() => require('./machine.ts') as typeof MachineModule)

const BEHAVIOR = ['init', 'states', 'common', 'terminate']
/** The names of its options. A machine has timeouts instead of `onIdle`. */
const MACHINE_OPTIONS = OPTIONS.filter((name) => name !== 'onIdle')
const HANDLERS = [
  'enter',
  'handleCall',
  'handleCast',
  'handleInfo',
  'handleInternal',
  'handleStateTimeout',
  'handleEventTimeout',
  'handleTimeout',
]

function checkHandlers(field: string, value: unknown): void {
  const handlers = object<Record<string, unknown>>(field, value, 'an object with handlers')
  callbacks(field, handlers, HANDLERS)
  for (const name of HANDLERS) if (handlers[name] !== undefined) callable(`${field}.${name}`, handlers[name])
}

function checkMachine(value: unknown): void {
  const behavior = object<Record<string, unknown>>('behavior', value, 'an object with init and states')
  callbacks('behavior', behavior, BEHAVIOR)
  callable('behavior.init', behavior['init'])
  if (behavior['terminate'] !== undefined) callable('behavior.terminate', behavior['terminate'])
  const states = object<Record<string, unknown>>('behavior.states', behavior['states'], 'an object with the states')
  const names = Object.keys(states)
  if (names.length === 0) throw new InvalidArgumentError('behavior.states', 'an object with a state or more', states)
  for (const name of names) checkHandlers(`behavior.states.${name}`, states[name])
  if (behavior['common'] !== undefined) checkHandlers('behavior.common', behavior['common'])
}

async function start<State extends string, Data, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  behavior: StateMachineBehavior<State, Data, CallMsg, CastMsg, CallReply>,
  options?: StateMachineOptions,
): Promise<StateMachineRef<State, Data, CallMsg, CastMsg, CallReply>> {
  checkMachine(behavior)
  known('options', checkOptions('options', options), MACHINE_OPTIONS)
  const machine = new (machines().MachineBehavior)(behavior as unknown as StateMachineBehavior)
  const ref = startAs('StateMachine', machine, options, (server) => {
    machine.server = server
    server.givenClassName = classNameOf(behavior)
    server.isAsync ||= machine.isAsync
  })
  return (await ref) as unknown as StateMachineRef<State, Data, CallMsg, CastMsg, CallReply>
}

/**
 * Runs a process as a state machine, by the rules of Erlang's `gen_statem`: states, postponed events, state timeouts,
 * event timeouts, timeouts by name, entry actions, and events of its own. It is a process like any other: call, cast,
 * stop, monitor, link, supervise and name it through its ref. See `docs/state-machine.md`.
 *
 * @example
 * ```ts
 * const door = await StateMachine.start({
 *   init: () => ({ state: 'closed', data: { opened: 0 } }),
 *   states: {
 *     closed: { handleCast: (message, { opened }) => ({ next: 'open', data: { opened: opened + 1 } }) },
 *     open: {
 *       enter: () => ({ stateTimeout: 5000 }),
 *       handleStateTimeout: () => ({ next: 'closed' }),
 *       handleCast: () => ({ postpone: true }),
 *     },
 *   },
 * })
 * GenServer.cast(door, 'open')
 * ```
 */
export const StateMachine = {
  /**
   * Starts a machine. Resolves with its ref once `init` has returned a state; the state is entered before any event.
   * Takes the options of `GenServer.start` but `onIdle`. With `maxMailbox`, timeouts go before messages that wait.
   *
   * @throws InitializationError when `init` fails, takes longer than `initTimeout`, or returns no state.
   * @throws AlreadyRegisteredError when the name is taken.
   * @throws InvalidArgumentError naming the part of the behaviour, or the option, that is refused.
   */
  start: start as typeof start,
} as const
