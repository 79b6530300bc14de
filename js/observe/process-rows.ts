/** Tells the native thread which processes there are, as they come and go. */
import { DEAD, type Process } from '../actor/process.ts'
import { processFeed } from '../actor/process-feed.ts'
import { crashesIn } from '../actor/crash-log.ts'
import { knownRuntimeOf } from '../actor/system-runtime.ts'
import { FAILED, KILLED } from '../protocol/actor.ts'
import { native } from '../native.ts'
import type { System } from '../system/system.ts'
import { observedSystems, systemOfRuntime, type SystemPlace } from './systems.ts'

/** A process as the native side reads it. */
interface ProcessNote {
  readonly runtime: number
  readonly pid: number
  readonly key: string
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly parent: string
  readonly startedAt: number
  readonly restarts: number
  readonly crashes: number
  readonly system: string
}

/** An event as clients get it. */
interface EventNote {
  readonly at: number
  readonly event: string
  readonly kind: string
  readonly key: string
  readonly name: string
  readonly text: string
}

/** What is known of a process that was told of. */
interface ToldProcess {
  readonly key: string
  readonly name: string
}

const NOW: Promise<void> = Promise.resolve()

const told = new WeakMap<Process, ToldProcess>()
let changed = new Set<Process>()
let isScheduled = false

function note(started: object): void {
  const process = started as Process
  if (systemOfRuntime(process.runtime) === undefined) return
  changed.add(process)
  if (isScheduled) return
  isScheduled = true
  // A process gets its name and its kind in the run of JavaScript that starts it.
  void NOW.then(flush)
}

function row(process: Process, place: SystemPlace): ProcessNote {
  const parent = process.observedParent
  return {
    runtime: process.runtime.handle,
    pid: process.pid,
    key: `${place.prefix}:${process.id}`,
    id: process.id,
    name: process.publicName ?? '',
    kind: process.observedKind,
    parent: parent === '' ? '' : `${place.prefix}:${parent}`,
    startedAt: process.observedStart,
    restarts: process.observedRestarts,
    crashes: process.observedCrashes,
    system: place.system.name,
  }
}

/** Collects the changes of one batch. */
class FeedBatch {
  readonly changed: ProcessNote[] = []
  readonly gone: (readonly [runtime: number, pid: number])[] = []
  readonly events: EventNote[] = []

  add(process: Process, place: SystemPlace): void {
    const known = told.get(process)
    const at = place.system.clock.now().wallMs
    if (process.status === DEAD) {
      told.delete(process)
      if (known === undefined) return
      this.gone.push([process.runtime.handle, process.pid])
      const hasFailed = process.exitKind === FAILED || process.exitKind === KILLED
      const crash = hasFailed
        ? crashesIn(process.runtime).findLast(({ processId }) => processId === process.id)
        : undefined
      this.#event(hasFailed ? 'crashed' : 'terminated', known, at, crash?.error)
      return
    }
    const current = row(process, place)
    this.changed.push(current)
    const described = { key: current.key, name: current.name === '' ? current.id : current.name }
    told.set(process, described)
    if (known === undefined) this.#event(current.restarts > 0 ? 'restarted' : 'started', described, at)
  }

  #event(event: string, { key, name }: ToldProcess, at: number, text = ''): void {
    this.events.push({ at, event, kind: 'process', key, name, text })
  }

  send(): void {
    const { changed: rows, gone, events } = this
    const runtimes = observedSystems().map(({ system }) => knownRuntimeOf(system))
    const sum = (count: 'crashCount' | 'restartCount'): number =>
      runtimes.reduce((total, runtime) => total + (runtime?.[count] ?? 0), 0)
    native.observeFeed(
      JSON.stringify({ changed: rows, gone, events, restarts: sum('restartCount'), crashes: sum('crashCount') }),
    )
  }
}

function flush(): void {
  isScheduled = false
  const processes = changed
  changed = new Set()
  const batch = new FeedBatch()
  for (const process of processes) {
    const place = systemOfRuntime(process.runtime)
    if (place !== undefined) batch.add(process, place)
  }
  batch.send()
}

/** Tells of each process of a system that lives, and from now on of those that come and go. */
export function feedSystem(system: System): void {
  processFeed.changed = note
  for (const process of knownRuntimeOf(system)?.alive ?? []) note(process)
  if (changed.size > 0) flush()
}

/** Tells of no process any more. */
export function endFeed(): void {
  processFeed.changed = undefined
  changed.clear()
}
