import { callable, fieldOf, integer, known, object, optionalCallable } from '../../internal/validate.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { ReplayError } from '../errors.ts'
import type { JournalEntry } from '../types.ts'
import { plainText } from './append-options.ts'
import { turn } from './base.ts'
import { type FollowedJournal, insideOf } from './followed.ts'
import { Follower, type ParkedEntry, withParked } from './follower.ts'
import type { DurableJournal } from './journal.ts'
import type { Page } from './pages.ts'
import { type Applied, type Apply, checkApply, checkUpcast, stateAfter, type Upcast, upcastEntry } from './upcast.ts'
import type { Upcasters } from './upcast.ts'

const LAST = Number.MAX_SAFE_INTEGER
const PAGE = 512

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
    this.parked = withParked(this.parked, sequence, error.cause)
  }

  get saved(): Saved<S> {
    return { version: this.#settings.version, next: this.next, state: this.state, parked: this.parked }
  }
}

/**
 * Follows a journal and keeps a state that its entries make. State and position are saved in one record, so that each
 * entry counts once in the state, whenever the process is killed. While it waits for entries it holds the process open.
 */
export class Projection<S, T = unknown> extends Follower<T> {
  readonly #settings: ProjectionSettings<S, T>
  #pass: Pass<S, T>
  /** The pass that was saved last, the sequence up to which it was, and the key. */
  #saved: { readonly pass?: Pass<S, T>; readonly next: number; readonly key: string } = { next: -1, key: '' }
  #rebuilding: Promise<void> | undefined
  /** True while a state of another version stays saved, until this one has caught up. */
  #isBeside = false

  /** @internal Use {@link createProjection}. */
  constructor(journal: FollowedJournal<T>, name: string, settings: ProjectionSettings<S, T>) {
    super(journal, name, { kind: 'projection', pageSize: PAGE, onError: settings.onError })
    this.#settings = settings
    this.#pass = new Pass(settings)
  }

  /** The state, as the entries before `nextSequence` make it. */
  get state(): S {
    return this.#pass.state
  }

  override get nextSequence(): number {
    return this.#pass.next
  }

  override get parked(): readonly ParkedEntry[] {
    return this.#pass.parked
  }

  /**
   * Builds the state again from the first entry that is held, beside the present one, which goes on meanwhile. The new
   * state takes its place when it has caught up. Rejects with ReplayError when `apply` fails and there is no `onParked`:
   * then the present state stays. A restart of the program ends a rebuild.
   */
  rebuild(): Promise<void> {
    if (this.status === 'closed') return Promise.reject(this.closedError())
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = undefined
    })
    return this.#rebuilding
  }

  /** @internal Reads the saved state and begins to follow. */
  async begin(): Promise<this> {
    try {
      this.claim()
      const states = await this.journal.states()
      const { version } = this.#settings
      const main = states.get(this.key) as Saved<S> | undefined
      const beside = states.get(this.#besideKey) as Saved<S> | undefined
      this.#isBeside = main !== undefined && main.version !== version
      const [saved, key] = this.#isBeside ? [beside, this.#besideKey] : [main, this.key]
      // A state of entries that are not there is none that ever was: the journal is an earlier copy, or was salvaged.
      if (saved !== undefined && saved.version === version && saved.next <= this.journal.next()) {
        this.#pass = new Pass(this.#settings, saved)
        this.#saved = { pass: this.#pass, next: saved.next, key }
      }
    } catch (error) {
      this.leave()
      throw error
    }
    this.running = this.run()
    return this
  }

  get #besideKey(): string {
    return `projection beside:${this.name}`
  }

  /** @internal */
  protected override async take({ entries, next }: Page<T>): Promise<void> {
    const pass = this.#pass
    await this.#apply(pass, entries)
    if (entries.length === 0) pass.next = Math.max(pass.next, next)
    if (pass.next - this.#saved.next >= this.#settings.saveEvery) await this.save()
  }

  /** Applies entries to a pass, and parks those that fail. */
  async #apply(pass: Pass<S, T>, entries: readonly JournalEntry<T>[]): Promise<void> {
    const { onParked } = this.#settings
    for (let failed = pass.take(entries); failed !== undefined; failed = pass.take(entries)) {
      if (onParked === undefined) throw failed.error
      await onParked(failed.entry, failed.error)
      pass.park(failed.entry, failed.error)
      if (this.end.signal.aborted) return
    }
  }

  /** @internal */
  protected override async saveAtEnd(): Promise<void> {
    const isBeside = this.#isBeside
    this.#isBeside = false
    // A state that was built again can take the place of one that is being saved.
    do await this.save()
    while (this.#saved.pass !== this.#pass)
    if (isBeside) await (await this.journal.states()).remove(this.#besideKey)
  }

  /** @internal */
  protected override async save(): Promise<void> {
    const pass = this.#pass
    const { saved } = pass
    const { next } = saved
    const key = this.#isBeside ? this.#besideKey : this.key
    if (pass === this.#saved.pass && next === this.#saved.next && key === this.#saved.key) return
    await this.journal.synced()
    await (await this.journal.states()).set(key, saved)
    this.#saved = { pass, next, key }
  }

  async #rebuild(): Promise<void> {
    const fresh = new Pass(this.#settings)
    while (fresh.next < this.#pass.next) {
      if (this.end.signal.aborted) throw this.closedError()
      const page = this.journal.read(fresh.next, PAGE)
      if (page.entries.length === 0) fresh.next = Math.max(fresh.next + 1, page.next)
      else await this.#apply(fresh, page.entries)
      await turn()
    }
    this.#pass = fresh
    await this.whenCaughtUp()
  }
}

const OPTIONS = ['journal', 'name', 'init', 'apply', 'version', 'upcast', 'saveEvery', 'onParked', 'onError']

/** Starts a projection; see `createProjection`. */
export async function startProjection<S, T = unknown>(options: ProjectionOptions<S, T>): Promise<Projection<S, T>> {
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
