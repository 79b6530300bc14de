/** Runs a random program on a state machine and on the model, and compares what happened. */
import { type From, GenServer, type Outcome, StateMachine, type StateHandlers } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'

import { GenStatem } from './gen-statem.ts'
import { type Name, type Program, Script, STATES, type Timeouts } from './program.ts'

type Handlers = StateHandlers<Name, number, number, number, string>
type Result = Outcome<Name, number> & { reply?: string }

const settings = ({ state, event, x, y }: Timeouts): object => ({
  ...(state !== undefined && { stateTimeout: state }),
  ...(event !== undefined && { eventTimeout: event === null ? null : { afterMs: event } }),
  ...((x !== undefined || y !== undefined) && {
    timeouts: { ...(x !== undefined && { x }), ...(y !== undefined && { y }) },
  }),
})

/** The outcome of a program: how it differs from the model, and what it reached. */
export interface Ran {
  readonly differs: string | undefined
  readonly reached: readonly string[]
}

export async function run(program: Program): Promise<Ran> {
  const system = createTestSystem({ seed: 1, trace: false })
  const { clock } = system
  const trace: string[] = []
  const script = new Script(program)
  let internals = 0
  /** Calls without an answer, in the order in which they were handled first. */
  const open = new Map<number, From>()
  const handle = (type: string, id: number, data: number, state: Name, from?: From): Result | Promise<Result> => {
    if (from !== undefined && !open.has(id)) open.set(id, from)
    trace.push(`${type} ${id} in ${state} with ${data}`)
    const step = script.step()
    const result = (): Result => {
      if (step.fails) {
        trace.push(`fails ${type}`)
        if (from !== undefined && open.delete(id)) trace.push(`rejected ${id}`)
        throw new Error('fails')
      }
      const answers = from !== undefined && step.replies && open.delete(id)
      if (answers) trace.push(`answered ${id}`)
      const [oldest] = open
      const replies: [From, string][] = []
      if (step.answersOldest && oldest !== undefined) {
        open.delete(oldest[0])
        trace.push(`answered ${oldest[0]}`)
        replies.push([oldest[1], 'answered'])
      }
      return {
        ...(step.next !== undefined && { next: step.next }),
        ...(step.counts && { data: data + 1 }),
        ...(answers && { reply: 'answered' }),
        ...(replies.length > 0 && { replies }),
        repeat: step.repeat,
        postpone: step.postpone,
        events: Array.from({ length: step.events }, () => ++internals),
        ...settings(step.timeouts),
      }
    }
    return step.isAsync ? Promise.resolve().then(result) : result()
  }
  const handlers: Handlers = {
    enter: (data, previous, state) => {
      trace.push(`enter ${state} from ${previous} with ${data}`)
      const enter = script.enter()
      const result = { ...(enter.counts && { data: data + 1 }), ...settings(enter.timeouts) }
      return enter.isAsync ? Promise.resolve(result) : result
    },
    handleCall: (id, data, from, state) => handle('call', id, data, state, from),
    handleCast: (id, data, state) => handle('cast', id, data, state),
    handleInternal: (id, data, state) => handle('internal', id as number, data, state),
    handleStateTimeout: (_, data, state) => handle('state', 0, data, state),
    handleEventTimeout: (_, data, state) => handle('event', 0, data, state),
    handleTimeout: (name, _, data, state) => handle(name, 0, data, state),
  }
  const states = Object.fromEntries(STATES.map((name) => [name, handlers])) as Record<Name, Handlers>
  const ref = await StateMachine.start(
    { init: () => ({ state: program.first, data: 0, ...settings(program.start) }), states },
    { system },
  )
  const model = new GenStatem(program)
  const reached = new Set<string>()
  const calls: { id: number; controller: AbortController; outcome?: string }[] = []
  let ids = 0
  let differs: string | undefined
  /** The number of lines that were compared. */
  let compared = 0
  const settle = async (): Promise<void> => {
    await clock.flush()
  }
  const compare = (): void => {
    const { length } = trace
    while (compared < length && trace[compared] === model.trace[compared]) compared++
    if (compared < length || model.trace.length !== length) {
      differs ??= `at ${compared}: ${trace[compared]} where the model has ${model.trace[compared]}`
    }
    if (GenServer.isRunning(ref) === model.hasCrashed) differs ??= `running: ${!model.hasCrashed} in the model`
    const { state, data } = GenServer.getState(ref)
    if (!model.hasCrashed && (state !== model.state || data !== model.data)) {
      differs ??= `${state} ${data} where the model has ${model.state} ${model.data}`
    }
  }
  await settle()
  compare()
  for (const op of program.ops) {
    if (differs !== undefined || model.hasCrashed) break
    if (op.kind === 'advance') {
      await clock.advance(op.ms)
      model.advance(op.ms)
    } else if (op.kind === 'send') {
      for (const how of op.how) {
        const id = ++ids
        if (how === 'cast') GenServer.cast(ref, id)
        else {
          const call: (typeof calls)[number] = { id, controller: new AbortController() }
          calls.push(call)
          GenServer.call(ref, id, { timeout: Infinity, signal: call.controller.signal }).then(
            () => (call.outcome = 'answered'),
            (error: unknown) => (call.outcome = (error as { message?: string }).message ?? 'rejected'),
          )
        }
        model.external(how, id)
      }
    } else {
      const [...waiting] = open.keys()
      const id = waiting[op.which % Math.max(waiting.length, 1)]
      if (id !== undefined) {
        reached.add('given up')
        open.delete(id)
        model.giveUp(id)
        calls.find((call) => call.id === id)?.controller.abort(new Error('given up'))
      }
    }
    await settle()
    compare()
  }
  for (const { id, outcome } of calls) {
    const answered = model.trace.includes(`answered ${id}`)
    if (answered !== (outcome === 'answered')) differs ??= `call ${id}: ${outcome}`
  }
  if (model.hasCrashed) reached.add('crashed')
  if (script.handlers > 100) reached.add('long')
  for (const line of model.trace) reached.add(line.split(' ')[0] as string)
  system.takeErrors()
  await system.close()
  system.takeErrors()
  const left = calls.filter(({ outcome }) => outcome === undefined)
  await clock.flush()
  if (left.some(({ outcome }) => outcome === undefined)) differs ??= 'a call stays open after the end'
  return { differs, reached: [...reached] }
}
