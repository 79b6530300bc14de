import { callable, fieldOf, integer, known, object, optionalCallable } from '../../internal/validate.ts'
import { deferred, type DeferredPromise } from '../../internal/deferred.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import { textOf } from '../../internal/thrown-values.ts'
import { InvalidArgumentError, isClosedError } from '../../errors/errors.ts'
import { JournalNameInUseError, type ReplayError } from '../errors.ts'
import type { JournalEntry } from '../types.ts'
import { plainText } from './append-options.ts'
import { turn } from './base.ts'
import type { ConsumerStatus, ParkedEntry } from './consumer.ts'
import { type FollowedJournal, insideOf } from './followed.ts'
import type { DurableJournal } from './journal.ts'
import { type Applied, type Apply, checkApply, checkUpcast, stateAfter, type Upcast, upcastEntry } from './upcast.ts'
import type { Upcasters } from './upcast.ts'

const LAST = Number.MAX_SAFE_INTEGER
const PAGE = 512
const MOST_PARKED = 1000

/** Options of {@link createProjection}. */
export interface ProjectionOptions<S, T = unknown> {
  /** The journal that it follows, open to be written: the state is saved beside it, in its directory `states`. */
  readonly journal: DurableJournal<T>
  /** The name of its saved state. */
  readonly name: string
  /** Makes the state before the first entry. It has to be plain data. */
  readonly init: () => S
  /**
   * Returns the next state, at once: a function, or a function for each `type` of event; entries of other types leave
   * the state as it is then. It must not keep time, chance or anything else from outside.
   */
  readonly apply: Apply<S, T>
  /**
   * The version of `init` and `apply`: a saved state of another version is not used. The new one is built from the
   * first entry, and takes the place of the old when it has caught up. Default 1.
   */
  readonly version?: number
  /** Brings events of earlier versions up to date before `apply` gets them. Default: events as they are. */
  readonly upcast?: Upcasters
  /** The state is saved after so many entries, and when the projection has caught up: 1 to 2^31. Default 1000. */
  readonly saveEvery?: number
  /**
   * Takes an entry for which `apply` or an upcaster failed; the projection then goes on behind it. Without it the
   * projection stops, and reports the error.
   */
  readonly onParked?: (entry: JournalEntry<T>, error: ReplayError) => unknown
  /** Owns the error for which the projection stops. Default: the owner of the journal's system. */
  readonly onError?: ErrorOwner
}

/** A state and the position up to which it was made, saved together. */
interface Saved<S> {
  readonly version: number
  readonly next: number
  readonly state: S
  readonly parked: readonly ParkedEntry[]
}

interface ProjectionSettings<S, T> {
  readonly init: () => S
  readonly apply: Applied<S, T>
  readonly version: number
  readonly upcast: Upcast
  readonly saveEvery: number
  readonly isByType: boolean
  readonly onParked: ((entry: JournalEntry<T>, error: ReplayError) => unknown) | undefined
  readonly onError: ErrorOwner | undefined
}

/** One pass over the journal: a state, and the entries up to which it was made. */
class Pass<S, T> {
  state: S
  next: number
  parked: readonly ParkedEntry[]
  readonly #settings: ProjectionSettings<S, T>

  constructor(settings: ProjectionSettings<S, T>, saved?: Saved<S>) {
    this.#settings = settings
    this.state = saved === undefined ? settings.init() : saved.state
    this.next = saved?.next ?? 0
    this.parked = saved?.parked ?? []
  }

  /** Applies entries. Stops after each one that has to be parked, and returns its error. */
  take(
    entries: readonly JournalEntry<T>[],
  ): { readonly entry: JournalEntry<T>; readonly error: ReplayError } | undefined {
    const { apply, upcast, isByType } = this.#settings
    for (const entry of entries) {
      if (entry.sequence < this.next) continue
      try {
        this.state = stateAfter(apply, this.state, upcastEntry(upcast, entry), isByType)
        this.next = entry.sequence + 1
      } catch (error) {
        return { entry, error: error as ReplayError }
      }
    }
    return undefined
  }

  park({ sequence }: JournalEntry<T>, error: ReplayError): void {
    this.next = sequence + 1
    this.parked = [...this.parked, { sequence, message: textOf(error.cause) }].slice(-MOST_PARKED)
  }

  get saved(): Saved<S> {
    return { version: this.#settings.version, next: this.next, state: this.state, parked: this.parked }
  }
}

/**
 * Follows a journal and keeps a state that its entries make. State and position are saved in one record, so that each
 * entry counts once in the state, whenever the process is killed. While it waits for entries it holds the process open.
 */
export class Projection<S, T = unknown> {
  /** The name of its saved state. */
  readonly name: string
  readonly #journal: FollowedJournal<T>
  readonly #settings: ProjectionSettings<S, T>
  readonly #end = new AbortController()
  readonly #disown: () => void
  #running: Promise<void> = Promise.resolve()
  #pass: Pass<S, T>
  #status: ConsumerStatus = 'starting'
  #error: unknown
  #saved = -1
  #rebuilding: Promise<void> | undefined
  /** True while a state of another version stays saved, until this one has caught up. */
  #isBeside = false
  #waiters: { readonly goal: number; readonly waiter: DeferredPromise<void> }[] = []

  /** @internal Use {@link createProjection}. */
  constructor(journal: FollowedJournal<T>, name: string, settings: ProjectionSettings<S, T>) {
    this.name = name
    this.#journal = journal
    this.#settings = settings
    this.#pass = new Pass(settings)
    const disown = journal.system.own({ close: () => this.close() })
    const unlisten = journal.onClose(() => this.#end.abort())
    this.#disown = () => {
      disown()
      unlisten()
    }
  }

  /** The state, as the entries before `nextSequence` make it. */
  get state(): S {
    return this.#pass.state
  }

  /** The sequence of the next entry that it applies. */
  get nextSequence(): number {
    return this.#pass.next
  }

  /** The state of the projection. */
  get status(): ConsumerStatus {
    return this.#status
  }

  /** The error for which it stopped; `undefined` while it has not. */
  get error(): unknown {
    return this.#error
  }

  /** The number of sequences between it and the end of the acknowledged entries. 0 when it has caught up. */
  get lag(): number {
    return this.#journal.isClosed() ? 0 : Math.max(this.#journal.next() - this.#pass.next, 0)
  }

  /** The newest 1000 entries that it has parked, oldest first. */
  get parked(): readonly ParkedEntry[] {
    return this.#pass.parked
  }

  /**
   * Resolves when everything that is acknowledged now was applied, and the state is saved. Rejects with the error for
   * which the projection stopped, and with ClosedError when it is closed before.
   */
  whenCaughtUp(): Promise<void> {
    if (this.#status === 'stopped') return Promise.reject(this.#error as Error)
    if (this.#status === 'closed') return Promise.reject(this.#journal.closedError('the projection'))
    const waiter = deferred<void>()
    this.#waiters.push({ goal: this.#journal.next(), waiter })
    this.#journal.wake()
    return waiter.promise
  }

  /**
   * Builds the state again from the first entry that is held, beside the present one, which goes on meanwhile. The new
   * state takes its place when it has caught up. Rejects with ReplayError when `apply` fails and there is no `onParked`:
   * then the present state stays. A restart of the program ends a rebuild.
   */
  rebuild(): Promise<void> {
    if (this.#status === 'closed') return Promise.reject(this.#journal.closedError('the projection'))
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = undefined
    })
    return this.#rebuilding
  }

  /** Ends the projection, and saves its state. Idempotent; does not reject. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  /** `await using` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal Reads the saved state and begins to follow. */
  async begin(): Promise<this> {
    const claim = this.#key
    if (!this.#journal.claim(claim)) {
      this.#disown()
      throw new JournalNameInUseError('projection', this.name)
    }
    try {
      const states = await this.#journal.states()
      const { version } = this.#settings
      const main = states.get(claim) as Saved<S> | undefined
      const beside = states.get(this.#besideKey) as Saved<S> | undefined
      this.#isBeside = main !== undefined && main.version !== version
      const saved = this.#isBeside ? beside : main
      // Entries that were not synced can be lost with the power. A state that has them is none that ever was.
      if (saved !== undefined && saved.version === version && saved.next <= this.#journal.next()) {
        this.#pass = new Pass(this.#settings, saved)
        this.#saved = saved.next
      }
    } catch (error) {
      this.#journal.release(claim)
      this.#disown()
      throw error
    }
    this.#status = 'running'
    this.#running = this.#run()
    return this
  }

  get #key(): string {
    return `projection:${this.name}`
  }

  get #besideKey(): string {
    return `projection beside:${this.name}`
  }

  async #run(): Promise<void> {
    try {
      while (!this.#end.signal.aborted) {
        const page = this.#journal.read(this.#pass.next, PAGE)
        if (page.entries.length > 0) {
          await this.#apply(this.#pass, page.entries)
          if (this.#pass.next - this.#saved >= this.#settings.saveEvery) await this.#save()
          await turn()
          continue
        }
        this.#pass.next = Math.max(this.#pass.next, page.next)
        if (this.#journal.isClosed()) break
        await this.#caughtUp()
        if (!(await this.#journal.wait(this.#pass.next, this.#end.signal))) break
      }
      await this.#save()
      this.#status = 'closed'
    } catch (error) {
      const isClosing = this.#end.signal.aborted && isClosedError(error)
      this.#status = isClosing ? 'closed' : 'stopped'
      if (!isClosing) {
        this.#error = error
        this.#journal.report(error, `the projection ${this.name} of a journal`, this.#settings.onError)
      }
    } finally {
      this.#journal.release(this.#key)
      this.#end.abort()
      this.#disown()
      const error = this.#status === 'stopped' ? this.#error : this.#journal.closedError('the projection')
      for (const { waiter } of this.#waiters.splice(0)) waiter.reject(error)
    }
  }

  /** Applies entries to a pass, and parks those that fail. */
  async #apply(pass: Pass<S, T>, entries: readonly JournalEntry<T>[]): Promise<void> {
    const { onParked } = this.#settings
    for (let failed = pass.take(entries); failed !== undefined; failed = pass.take(entries)) {
      if (onParked === undefined) throw failed.error
      await onParked(failed.entry, failed.error)
      pass.park(failed.entry, failed.error)
      if (this.#end.signal.aborted) return
    }
  }

  async #caughtUp(): Promise<void> {
    const isBeside = this.#isBeside
    this.#isBeside = false
    await this.#save()
    if (isBeside) await (await this.#journal.states()).remove(this.#besideKey)
    const { next } = this.#pass
    const reached = this.#waiters.filter(({ goal }) => goal <= next)
    this.#waiters = this.#waiters.filter(({ goal }) => goal > next)
    for (const { waiter } of reached) waiter.resolve()
  }

  async #save(): Promise<void> {
    const { saved } = this.#pass
    if (saved.next === this.#saved && !this.#hasSwitched) return
    this.#hasSwitched = false
    this.#saved = saved.next
    const states = await this.#journal.states()
    await states.set(this.#isBeside ? this.#besideKey : this.#key, saved)
  }

  /** True when another state has taken the place of the saved one. */
  #hasSwitched = false

  async #rebuild(): Promise<void> {
    const fresh = new Pass(this.#settings)
    while (fresh.next < this.#pass.next) {
      if (this.#end.signal.aborted) throw this.#journal.closedError('the projection')
      const page = this.#journal.read(fresh.next, PAGE)
      if (page.entries.length === 0) fresh.next = Math.max(fresh.next + 1, page.next)
      else await this.#apply(fresh, page.entries)
      await turn()
    }
    this.#pass = fresh
    this.#hasSwitched = true
    await this.whenCaughtUp()
  }
}

const OPTIONS = ['journal', 'name', 'init', 'apply', 'version', 'upcast', 'saveEvery', 'onParked', 'onError']

/**
 * Starts a projection. Resolves when its saved state is read; `whenCaughtUp()` tells when it is up to date. Rejects with
 * JournalNameInUseError when one of that name runs already in this program.
 *
 * @throws InvalidArgumentError naming the option that is refused; of an upcaster that is missing, too.
 * @example
 * ```ts
 * const totals = await createProjection({
 *   journal,
 *   name: 'totals',
 *   init: () => 0,
 *   apply: { paid: (total: number, event: { amount: number }) => total + event.amount },
 * })
 * await totals.whenCaughtUp()
 * console.log(totals.state)
 * ```
 */
export async function createProjection<S, T = unknown>(options: ProjectionOptions<S, T>): Promise<Projection<S, T>> {
  const settings = object<ProjectionOptions<S, T>>('options', options)
  known('options', settings, OPTIONS)
  const journal = insideOf<T>(settings.journal)
  if (journal === undefined) {
    throw new InvalidArgumentError('options.journal', 'a DurableJournal of openJournal', fieldOf(settings, 'journal'))
  }
  const name = plainText('options.name', settings.name)
  const checked: ProjectionSettings<S, T> = {
    init: callable('options.init', settings.init),
    apply: checkApply('options.apply', settings.apply),
    version: integer('options.version', 0, LAST, settings.version ?? 1),
    upcast: checkUpcast('options.upcast', settings.upcast),
    saveEvery: integer('options.saveEvery', 1, 2 ** 31, settings.saveEvery ?? 1000),
    isByType: typeof settings.apply === 'object',
    onParked: optionalCallable('options.onParked', settings.onParked),
    onError: optionalCallable('options.onError', settings.onError),
  }
  journal.assertWritable()
  return new Projection(journal, name, checked).begin()
}
