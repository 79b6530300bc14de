/** This environment as the native thread sees it, while at least one of its systems is observed. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

import { afterRealTime, HostTime } from '../clock/host.ts'
import { lazy } from '../internal/lazy.ts'
import { forget, listen } from '../internal/inbox.ts'
import { type Stall, threadName, watchLoop } from '../internal/loop-watch.ts'
import { textOf } from '../internal/thrown-values.ts'
import { native } from '../native.ts'
import type { CircuitChange } from '../policy/circuit-breaker/circuit-breaker.ts'
import type { System } from '../system/system.ts'
import { endFeed, feedSystem } from './process-rows.ts'
import { publishTables } from './publish.ts'
import { answerQuestion, type Question } from './questions.ts'
import { addSystem, observedSystems, removeSystem } from './systems.ts'

/** The part of time that publishing may take: one twentieth. */
const SHARE = 20

const host = lazy(() => new HostTime())

/** Tells clients of a stall that has ended. */
function noteStall(message: unknown): void {
  const { thread, durationMs, process, messageType, handler } = message as Stall
  const by =
    process === undefined ? '' : `, by ${process} in ${handler}${messageType === undefined ? '' : ` of ${messageType}`}`
  native.observeEvent(
    JSON.stringify({
      at: host().wall(),
      event: 'stall',
      kind: 'loop',
      key: thread,
      name: thread,
      text: `blocked for ${Math.round(durationMs)} ms${by}`,
    }),
  )
}

/** Tells clients that a circuit changed its state. */
function noteCircuit(message: unknown): void {
  const { policy, system, from, to, error } = message as CircuitChange
  const place = observedSystems().find((each) => each.system === system)
  if (place === undefined) return
  const because = error === undefined ? '' : `: ${textOf(error)}`
  native.observeEvent(
    JSON.stringify({
      at: host().wall(),
      event: 'circuit',
      kind: 'policy',
      key: '',
      name: policy,
      text: `${from} to ${to}${because}`,
    }),
  )
}

/** Publishes tables while clients watch, and answers their questions. Holds no event loop open. */
class Publisher {
  readonly number: number
  readonly #token: number
  readonly #refreshMs: () => number
  #cancel: (() => void) | undefined

  constructor(refreshMs: () => number) {
    this.#refreshMs = refreshMs
    this.#token = listen(() => this.#look())
    this.number = native.observeAttach(threadName(), this.#token)
  }

  /** Publishes once. Returns the time that it took, in ms. */
  publish(): number {
    const start = host().mono()
    publishTables()
    return host().mono() - start
  }

  #look(): void {
    const wanted = JSON.parse(native.observeTake()) as { watched: boolean; questions: Question[] }
    for (const question of wanted.questions) void answerQuestion(question, () => this.publish())
    if (!wanted.watched) this.#stop()
    else if (this.#cancel === undefined) this.#run()
  }

  #run(): void {
    const took = this.publish()
    this.#cancel = afterRealTime(Math.max(this.#refreshMs(), took * SHARE), () => this.#run())
  }

  #stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  close(): void {
    this.#stop()
    native.observeDetach()
    forget(this.#token)
  }
}

interface OpenEnvironment {
  readonly publisher: Publisher
  readonly ends: readonly (() => void)[]
}

let open: OpenEnvironment | undefined
/** The shortest times between updates of the servers that are open. */
const refreshes = new Set<{ readonly refreshMs: number }>()

function begin(): OpenEnvironment {
  subscribe('keelson:stall', noteStall)
  subscribe('keelson:circuit', noteCircuit)
  const publisher = new Publisher(() => Math.min(...[...refreshes].map(({ refreshMs }) => refreshMs)))
  const unlisten = (): void => {
    unsubscribe('keelson:stall', noteStall)
    unsubscribe('keelson:circuit', noteCircuit)
  }
  return { publisher, ends: [unlisten] }
}

/**
 * Shows a system to the native thread. The returned function ends it; with the last system, everything that observing
 * had begun here ends.
 */
export function showSystem(system: System, settings: { refreshMs: number; stallMs: number }): () => void {
  const current = (open ??= begin())
  const endWatch = watchLoop({ stallMs: settings.stallMs })
  refreshes.add(settings)
  if (addSystem(system, current.publisher.number)) feedSystem(system)
  current.publisher.publish()
  return () => {
    endWatch?.()
    refreshes.delete(settings)
    if (!removeSystem(system)) return
    open = undefined
    endFeed()
    current.publisher.close()
    for (const end of current.ends) end()
  }
}
