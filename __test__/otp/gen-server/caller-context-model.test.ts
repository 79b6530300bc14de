/**
 * Random trees of messages between processes of `keelson/otp` and `keelson/process`: each handler runs in the context that
 * the option `context` says, before and after it waits.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import * as fc from 'fast-check'
import { GenServer, type GenServerRef } from 'keelson/otp'
import { createRootSupervisor, type ProcessRef } from 'keelson/process'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, same, sampleOf } from '../../support/programs.ts'
import { createStage, type Stage } from '../../support/system.ts'

const KINDS = ['cast', 'call', 'later', 'await'] as const

/** A message, and when the handler of its parent sends it. */
interface Message {
  readonly kind: (typeof KINDS)[number]
  /** The message whose handler sends it, among those before it. Itself: the program does. */
  readonly parent: number
  readonly to: number
  /** The handler sends it once it has waited. */
  readonly isLate: boolean
  /** The kind of thing that its own handler waits for. */
  readonly waits: 'nothing' | 'a promise' | 'the clock'
  /** Its own handler fails in the end. */
  readonly fails: boolean
}

interface Program {
  readonly processes: readonly { readonly isServer: boolean; readonly callerContext: boolean }[]
  readonly ops: readonly Message[]
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const program: fc.Arbitrary<Program> = fc.record({
  processes: fc.array(fc.record({ isServer: fc.boolean(), callerContext: often([true, 3], [false, 1]) }), {
    minLength: 3,
    maxLength: 4,
  }),
  ops: fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      parent: fc.nat(1000),
      to: fc.nat(3),
      isLate: fc.boolean(),
      waits: often<Message['waits']>(['nothing', 3], ['a promise', 2], ['the clock', 1]),
      fails: often([false, 8], [true, 1]),
    }),
    { minLength: 8, maxLength: 30, size: 'max' },
  ),
})

const request = new AsyncLocalStorage<string>()
const failure = new Error('fails')
const reach = new Reach()
afterAll(() => reach.print('contexts of senders'))

/** The life of a message: where its handler begins, where it goes on, and where the answer of a call arrives. */
type Trace = Record<string, string | undefined>

/** Says by the rules alone what happens. */
function wanted(each: Program): Trace {
  const { processes, ops } = each
  const trace: Trace = {}
  const contexts: (string | undefined)[] = []
  ops.forEach((op, id) => {
    const parent = op.parent % (id + 1)
    const isSent = parent === id || contexts[parent] !== undefined
    if (!isSent) return
    const sender = parent === id ? `program ${id}` : (contexts[parent] as string)
    const to = op.to % processes.length
    const { callerContext, isServer } = processes[to] as Program['processes'][number]
    const context = callerContext ? sender : `start ${to}`
    contexts[id] = context
    trace[`${id} begins`] = context
    if (op.waits !== 'nothing') trace[`${id} goes on`] = context
    // A cast that throws would end a GenServer.
    const fails = op.fails && (!isServer || isCall(each, id))
    if (isCall(each, id)) trace[`${id} ${fails ? 'is refused' : 'is answered'}`] = sender
  })
  return trace
}

/**
 * Returns whether a message is sent as a call. Calls of handlers run upwards only, so that none waits for itself; others
 * become casts.
 */
function isCall({ processes, ops }: Program, id: number): boolean {
  const { kind, parent, to } = ops[id] as Message
  if (kind !== 'call' && kind !== 'await') return false
  const { length } = processes
  return parent % (id + 1) === id || to % length > (ops[parent % (id + 1)] as Message).to % length
}

/** Sends the messages of a program, and notes what happens. */
class World {
  readonly trace: Trace = {}
  readonly #program: Program
  readonly #stage: Stage
  readonly #refs: (GenServerRef | ProcessRef)[] = []
  readonly #children: number[][]

  constructor(stage: Stage, each: Program) {
    this.#stage = stage
    this.#program = each
    this.#children = each.ops.map(() => [])
    each.ops.forEach(({ parent }, id) => {
      if (parent % (id + 1) !== id) this.#children[parent % (id + 1)]?.push(id)
    })
  }

  async start(): Promise<void> {
    const { system } = this.#stage
    const supervisor = createRootSupervisor({ system, emit: () => undefined })
    for (const [index, { isServer, callerContext }] of this.#program.processes.entries()) {
      const ref = await request.run(`start ${index}`, async () => {
        if (!isServer) {
          return supervisor.spawn(
            {
              name: `p${index}`,
              init: () => 0,
              handle: (state: number, message: { id: number; reply?: (value: unknown) => void }, { schedule }) =>
                this.#handle(index, message.id, state, message.reply, (id) => schedule(1, { id })),
              supervision: { type: 'one-for-one', backoff: { initial: 1, max: 1, factor: 1 } },
              context: callerContext ? 'caller' : 'process',
            },
            undefined,
          )
        }
        return GenServer.start(
          {
            init: () => 0,
            handleCall: (id: number, state: number) => this.#handle(index, id, [id, state]) as never,
            handleCast: (id: number, state: number) => this.#handle(index, id, state),
          },
          { system, context: callerContext ? 'caller' : 'process' },
        )
      })
      this.#refs.push(ref)
    }
  }

  /** Sends what no handler sends. */
  begin(): void {
    this.#program.ops.forEach(({ parent }, id) => {
      if (parent % (id + 1) === id) request.run(`program ${id}`, () => void this.#send(id, undefined))
    })
  }

  #note(id: number, what: string): void {
    const name = `${id} ${what}`
    same([name, name in this.trace], [name, false])
    this.trace[name] = request.getStore()
  }

  /** Handles a message. It returns a promise only where it waits, so that processes find that out as they run. */
  #handle<S>(at: number, id: number, result: S, reply?: (value: unknown) => void, later?: (id: number) => void) {
    const op = this.#program.ops[id] as Message
    this.#note(id, 'begins')
    const isServer = this.#program.processes[at]?.isServer === true
    if (isServer) same(GenServer.self() === this.#refs[at], true)
    const children = this.#children[id] as number[]
    const isLate = (child: number): boolean => this.#program.ops[child]?.isLate === true
    for (const child of children) if (!isLate(child)) void this.#send(child, at, later)
    const end = (): S => {
      if (op.fails && (!isServer || isCall(this.#program, id))) throw failure
      reply?.(id)
      return result
    }
    if (op.waits === 'nothing') {
      for (const child of children) if (isLate(child)) void this.#send(child, at, later)
      return end()
    }
    const goOn = async (): Promise<S> => {
      await (op.waits === 'a promise' ? Promise.resolve() : this.#stage.clock.sleep(1))
      this.#note(id, 'goes on')
      for (const child of children) {
        if (!isLate(child)) continue
        const sent = this.#send(child, at, later)
        if (this.#program.ops[child]?.kind === 'await') await sent
      }
      return end()
    }
    return goOn()
  }

  /** Sends a message. Resolves once its answer has come, or at once for one without an answer. */
  #send(id: number, from: number | undefined, later?: (id: number) => void): Promise<void> {
    const { kind, to } = this.#program.ops[id] as Message
    const index = to % this.#refs.length
    const ref = this.#refs[index] as GenServerRef & ProcessRef
    const isServer = this.#program.processes[index]?.isServer === true
    if (isCall(this.#program, id)) {
      const call = isServer
        ? GenServer.call(ref, id, { timeout: Infinity })
        : ref.ask((reply) => ({ id, reply }), Infinity)
      return call.then(
        (value) => (same(value, id), this.#note(id, 'is answered')),
        (error: unknown) => {
          const { message } = error as Error
          same([message, message.includes('fails')], [message, true])
          this.#note(id, 'is refused')
        },
      )
    }
    if (kind === 'later' && isServer) GenServer.sendAfter(ref, id, 1)
    else if (kind === 'later' && later !== undefined && from === index) later(id)
    else if (isServer) GenServer.cast(ref, id)
    else same(ref.send({ id }), true)
    return Promise.resolve()
  }
}

it('a handler runs in the context of its sender, or of its start, before and after it waits [caller-context]', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      reach.program(each.ops.map(({ kind }) => kind))
      const stage = createStage({ seed: 1 })
      const world = new World(stage, each)
      await world.start()
      world.begin()
      const trace = wanted(each)
      const count = Object.keys(trace).length
      for (let round = 0; round < 200 && Object.keys(world.trace).length < count; round++) await stage.clock.advance(1)
      if (Object.keys(trace).some((name) => name.endsWith('is refused'))) reach.fault('a handler failed')
      if (each.processes.some(({ callerContext }) => !callerContext)) reach.fault('a process without the option')
      same(world.trace, trace)
      same(stage.reported, [])
      await stage.system.close()
    }),
    runsOf('contexts of senders', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(15)
  expect(sample.missing(KINDS)).toEqual([])
})
