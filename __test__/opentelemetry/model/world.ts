/** Sends the messages of a program. */
import { trace } from '@opentelemetry/api'
import { EventBus, type EventBusRef, GenServer, type GenServerRef, Supervisor, type SupervisorRef } from 'keelson/otp'
import { createRootSupervisor, type ProcessRef } from 'keelson/process'

import { inSpan, tests } from '../../support/opentelemetry.ts'
import { same } from '../../support/programs.ts'
import type { Stage } from '../../support/system.ts'
import { hasOwnProcess, isCall, isLater, type Op, parentOf, type Program, targetOf } from './program.ts'

interface Message {
  readonly type: string
  readonly id: number
  readonly reply?: (value: unknown) => void
}

type Schedule = (message: Message) => void

const failure = new Error('fails')

/** Runs a program. */
export class World {
  /** The number of handlers that have ended. */
  handled = 0
  /** The number of restarts, and of those that found an active span. */
  restarts = 0
  restartsInSpans = 0
  readonly #program: Program
  readonly #stage: Stage
  readonly #refs: (GenServerRef | ProcessRef)[] = []
  readonly #children: number[][]
  #bus!: EventBusRef
  #own!: SupervisorRef

  constructor(stage: Stage, each: Program) {
    this.#stage = stage
    this.#program = each
    this.#children = each.ops.map(() => [])
    each.ops.forEach((_, id) => {
      const parent = parentOf(each, id)
      if (parent !== id) this.#children[parent]?.push(id)
    })
  }

  /** Starts everything inside a span, which no handler may find. */
  async start(): Promise<void> {
    const { system } = this.#stage
    const each = this.#program
    await inSpan('start', async () => {
      const supervisor = createRootSupervisor({ system, emit: () => undefined })
      for (const [index, { isServer, context }] of each.processes.entries()) {
        this.#refs.push(isServer ? await this.#startServer(context) : this.#spawn(supervisor, index, context))
      }
      this.#bus = await EventBus.start({ system })
      await EventBus.subscribe(this.#bus, 'm.*', (message) => this.#handle((message as Message).id, undefined))
      const own = each.ops.flatMap((_, id) => (hasOwnProcess(each, id) ? [id] : []))
      this.#own = await Supervisor.start({
        children: own.map((id) => ({ id: `${id}`, start: () => this.#startServer('process') })),
        restartIntensity: { maxRestarts: 1000, withinMs: 1000 },
        system,
      })
    })
  }

  /** Sends what no handler sends. */
  begin(): void {
    this.#program.ops.forEach(({ isInSpan }, id) => {
      if (parentOf(this.#program, id) !== id) return
      if (isInSpan) void inSpan(`root ${id}`, () => void this.#send(id))
      else void this.#send(id)
    })
  }

  #startServer(context: 'process' | 'caller') {
    const runs = { inits: 0 }
    return GenServer.start(
      {
        init: () => this.#init(runs),
        handleCall: ({ id }: Message, state: number) => this.#handle(id, [id, state]) as never,
        handleCast: ({ id }: Message, state: number) => this.#handle(id, state),
      },
      { system: this.#stage.system, context },
    )
  }

  #spawn(supervisor: ReturnType<typeof createRootSupervisor>, index: number, context: 'process' | 'caller') {
    const runs = { inits: 0 }
    return supervisor.spawn(
      {
        name: `p${index}`,
        init: () => this.#init(runs),
        handle: (state: number, { id, reply }: Message, { schedule }) =>
          this.#handle(id, state, reply, (message) => void schedule(1, message)),
        supervision: { type: 'one-for-one', backoff: { initial: 1, max: 1, factor: 1 } },
        context,
      },
      undefined,
    )
  }

  #init(runs: { inits: number }): number {
    if (runs.inits++ > 0) this.#noteRestart()
    return 0
  }

  #noteRestart(): void {
    this.restarts++
    if (trace.getActiveSpan() !== undefined) this.restartsInSpans++
  }

  /** Handles a message. It returns a promise only where it waits, so that processes find that out as they run. */
  #handle<S>(id: number, result: S, reply?: (value: unknown) => void, schedule?: Schedule): S | Promise<S> {
    const op = this.#program.ops[id] as Op
    const children = this.#children[id] as number[]
    const isLate = (child: number): boolean => this.#program.ops[child]?.isLate === true
    const end = (): S => {
      this.handled++
      if (op.fails) throw failure
      reply?.(id)
      return result
    }
    for (const child of children) if (!isLate(child)) void this.#send(child, schedule)
    if (op.waits === 'nothing') {
      for (const child of children) if (isLate(child)) void this.#send(child, schedule)
      return end()
    }
    const goOn = async (): Promise<S> => {
      await (op.waits === 'a promise' ? Promise.resolve() : this.#stage.clock.sleep(1))
      for (const child of children) {
        if (!isLate(child)) continue
        const sent = this.#send(child, schedule)
        if (this.#program.ops[child]?.isAwaited === true) await sent
      }
      return end()
    }
    return goOn()
  }

  /** Sends a message. Resolves once its answer has come, or at once for one without an answer. */
  #send(id: number, schedule?: Schedule): Promise<void> {
    const each = this.#program
    const { fails, kind } = each.ops[id] as Op
    const message: Message = { type: `m${id}`, id }
    if (kind === 'span') return this.#sendInSpan(id, schedule)
    if (kind === 'bus') {
      same(EventBus.publish(this.#bus, `m.${id}`, message), true)
      return Promise.resolve()
    }
    const target = targetOf(each, id)
    const own = hasOwnProcess(each, id)
    const ref = (own ? Supervisor.getChild(this.#own, `${id}`)?.ref : this.#refs[target]) as GenServerRef & ProcessRef
    const isServer = each.processes[target]?.isServer === true
    if (isCall(each, id)) {
      const call = isServer
        ? GenServer.call(ref, message, { timeout: Infinity })
        : ref.ask((reply) => ({ ...message, reply }), Infinity)
      return call.then(
        (value) => same([value, fails], [id, false]),
        (error: unknown) => same([fails, String(error).includes('fails')], [true, true]),
      )
    }
    if (isLater(each, id) && isServer) GenServer.sendAfter(ref, message, 1)
    else if (isLater(each, id)) schedule?.(message)
    else if (isServer) GenServer.cast(ref, message)
    else same(ref.send(message), true)
    return Promise.resolve()
  }

  #sendInSpan(id: number, schedule: Schedule | undefined): Promise<void> {
    return tests.startActiveSpan(`span ${id}`, (span) => {
      for (const child of this.#children[id] as number[]) void this.#send(child, schedule)
      span.end()
      return Promise.resolve()
    })
  }
}
