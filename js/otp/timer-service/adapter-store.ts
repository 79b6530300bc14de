import { holdTime } from '../../clock/internal-timers.ts'
import type { System } from '../../system/system.ts'
import type { StoredTimer, TimerStorage } from './store.ts'
import type { TimerAdapter } from './types.ts'

/** The beginning of the keys under which timers are stored. */
const PREFIX = 'durable_timer:'

/** Keeps timers in a storage of the user's: one key a timer. Writes of a store follow each other. */
export class AdapterStore implements TimerStorage {
  readonly #adapter: TimerAdapter
  readonly #system: System
  readonly #stored: readonly StoredTimer[]
  /** Resolves when the last write has ended, well or not. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(adapter: TimerAdapter, system: System, stored: readonly StoredTimer[]) {
    this.#adapter = adapter
    this.#system = system
    this.#stored = stored
  }

  /** Reads the timers that are stored. Skips what is none, and reports it. */
  static async open(adapter: TimerAdapter, system: System): Promise<AdapterStore> {
    const stored: StoredTimer[] = []
    for (const key of await adapter.listKeys(PREFIX)) {
      if (typeof key !== 'string' || !key.startsWith(PREFIX)) continue
      const record = await adapter.load(key)
      const timer = record?.state as StoredTimer | undefined
      if (timer === undefined) continue
      if (isTimer(timer)) stored.push(timer)
      else system.report(new Error(`what is stored under '${key}' is no timer`), 'a timer service')
    }
    return new AdapterStore(adapter, system, stored)
  }

  load(): StoredTimer[] {
    return this.#stored.toSorted((a, b) => a.fireAt - b.fireAt)
  }

  put(timer: StoredTimer): Promise<void> {
    const metadata = { persistedAt: this.#system.clock.now().wallMs, serverId: timer.id, schemaVersion: 1 }
    return this.#write(() => this.#adapter.save(PREFIX + timer.id, { state: timer, metadata }))
  }

  remove(id: string): Promise<void> {
    return this.#write(() => this.#adapter.delete(PREFIX + id))
  }

  /** Resolves when all writes have ended. The adapter stays open: others may use it. */
  async close(): Promise<void> {
    await this.#last
  }

  async #write(write: () => unknown): Promise<void> {
    const release = holdTime(this.#system.clock, 'a write of a timer')
    const written = this.#last.then(write)
    this.#last = written.then(release, release)
    await written
  }
}

function isTimer(timer: Partial<StoredTimer> | null): boolean {
  if (typeof timer !== 'object' || timer === null) return false
  const { id, target, fireAt, repeat } = timer
  const hasPeriod = repeat === undefined || (Number.isFinite(repeat) && repeat > 0)
  return typeof id === 'string' && typeof target === 'string' && Number.isFinite(fireAt) && hasPeriod
}
