// What a consumer's compiler has to accept of processes, and what it has to refuse.
import { createControlledClock } from 'keelson/clock'
import { Journal } from 'keelson/journal'
import {
  createProcess,
  createProcessId,
  createRootSupervisor,
  createSupervisor,
  type ProcessRef,
  type ProcessSpec,
  spawn,
  type Tools,
} from 'keelson/process'

const clock = createControlledClock()
const supervisor = createRootSupervisor({
  clock,
  journal: new Journal({ clock }),
  emit: (event) => event.type satisfies string,
})

// As programs write it: the message is anything, the state is what init makes.
const loose = supervisor.spawn(
  {
    name: 'loose',
    init: () => ({ handled: 0 }),
    handle: async (state, message, tools) => {
      state.handled satisfies number
      message.reply?.(state)
      tools.emit?.({ type: 'worker:task:start', taskId: message.id })
      tools.schedule(5, { type: 'anything' })
      // @ts-expect-error: the state has no such field
      void state.missing
      return { ...state, handled: state.handled + 1 }
    },
    supervision: {
      type: 'one-for-one',
      backoff: { initial: 1, max: 2, factor: 2 },
      maxRestarts: { count: 1, within: 2 },
    },
  },
  {},
)
loose.send({ type: 'anything' }) satisfies boolean
const result = await loose.ask((reply) => ({ type: 'get', reply }), 100)
void result.anything

// With types.
type Message = { type: 'add'; by: number } | { type: 'get'; reply: (count: number) => void }
const spec: ProcessSpec<Message, number, { start: number }> = {
  name: 'counter',
  init: ({ start }) => start,
  handle: (count, message, tools: Tools<Message, { start: number }>) => {
    if (message.type === 'add') return count + message.by
    message.reply(count)
    tools.ctx.start satisfies number
    return count
  },
}
const counter: ProcessRef<Message> = supervisor.spawn(spec, { start: 1 })
const count: number = await counter.ask<number>((reply) => ({ type: 'get', reply }))
void count
void spawn(spec, { start: 1 }, clock)
// @ts-expect-error: no such message
counter.send({ type: 'subtract' })
// @ts-expect-error: the context has a start
supervisor.spawn(spec, {})
// @ts-expect-error: the state is a number
void ({ ...spec, init: () => 'text' } satisfies ProcessSpec<Message, number, { start: number }>)
// @ts-expect-error: no such option
createRootSupervisor({ clok: clock })
// @ts-expect-error: no such strategy
supervisor.spawn({ ...spec, supervision: { type: 'one-for-all' } }, { start: 1 })

const id: string = createProcessId()
const named: string = createProcessId(id).value
const process = createProcess(
  { handle: async (message: { n: number }) => void message.n },
  { id: createProcessId(named) },
)
void process.send({ n: 1 })
// @ts-expect-error: its messages have an n
void process.send({ m: 1 })
createSupervisor({ emit: console.log }).supervise(process, 'escalate')
