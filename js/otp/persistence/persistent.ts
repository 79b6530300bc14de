/** Makes a GenServer of callbacks that return events: append, apply, reply, in this order. */
import { ClosedError, InvalidArgumentError, isClosedError } from '../../errors/errors.ts'
import {
  callable,
  callbacks,
  fieldOf,
  flag,
  integer,
  isList,
  known,
  object,
  optionalCallable,
  options as checkOptions,
} from '../../internal/validate.ts'
import { streamName } from '../../journal/durable/append-options.ts'
import { type FollowedJournal, insideOf } from '../../journal/durable/followed.ts'
import type { DurableJournal } from '../../journal/durable/journal.ts'
import type { SavedStates } from '../../journal/durable/states.ts'
import {
  type Applied,
  checkApply,
  checkUpcast,
  stateAfter,
  typeOf,
  type Upcast,
  upcastEntry,
  versionOf,
} from '../../journal/durable/upcast.ts'
import {
  isJournalOverflowError,
  isRecordTooLargeError,
  JournalGapError,
  JournalNameInUseError,
} from '../../journal/errors.ts'
import type { JournalEntry } from '../../journal/types.ts'
import { isNotPlainError } from '../../plain/errors.ts'
import { PersistenceError } from '../errors.ts'
import { Continued, Stopped } from '../gen-server/callback-results.ts'
import { checkReason } from '../gen-server/exit-reasons.ts'
import type { CallResult, From, GenServerBehavior, Info } from '../gen-server/types.ts'
import type { PersistentBehavior, PersistentCallResult } from './behavior.ts'
import { inTurn } from './recoveries.ts'
import type { PersistEvent, PersistOptions } from './types.ts'

const OPTIONS = ['journal', 'stream', 'init', 'apply', 'version', 'upcast', 'snapshot', 'ignoreUnknown', 'emit']
const CALLBACKS = ['handleCall', 'handleCast', 'handleInfo', 'terminate'] as const
const RESULTS = ['events', 'after', 'stop', 'reply', 'replyWith']

/** The parts of a process that persistence needs. */
interface PersistedProcess {
  readonly isAlive: boolean
  whenEnded(listener: () => void): () => void
}

interface Snapshot {
  /** The version of the function that made the state. */
  readonly version: number
  /** The events that are in the state. */
  readonly events: number
  /** The sequence of the first event of the stream, which tells it from others of the same name. */
  readonly origin: number
  readonly state: unknown
}

type CheckedResult = PersistentCallResult<unknown, unknown, unknown>

/** The outcome of a callback: a result with the next state, or the end of the process. */
type CallbackOutcome = { readonly result: CheckedResult; readonly state: unknown } | Stopped<unknown>

/** A process whose state is made of the events of a stream. */
export class PersistentProcess {
  /** The callbacks that the runtime calls. */
  readonly behavior: GenServerBehavior<unknown>
  readonly #callbacks: PersistentBehavior<unknown, unknown>
  readonly #journal: DurableJournal
  readonly #inside: FollowedJournal<unknown>
  readonly #stream: string
  readonly #init: () => unknown
  readonly #apply: Applied<unknown, unknown>
  readonly #reducerVersion: number
  readonly #upcast: Upcast
  readonly #every: number
  readonly #ignoresUnknown: boolean
  readonly #emit: ((event: PersistEvent) => void) | undefined
  #process: PersistedProcess | undefined
  #states: SavedStates | undefined
  /** The number of events in the state. */
  #version = 0
  /** The sequence of the first of them. `undefined` before there is one. */
  #origin: number | undefined
  #snapshotAt = 0
  #isSaving = false

  /** @throws InvalidArgumentError naming the option or callback that is refused. */
  constructor(behavior: PersistentBehavior<unknown, unknown>, persist: PersistOptions<unknown, unknown>) {
    const settings = object<PersistOptions<unknown, unknown>>('options.persist', persist)
    known('options.persist', settings, OPTIONS)
    const inside = insideOf<unknown>(settings.journal)
    if (inside === undefined) {
      const expected = 'a DurableJournal of openJournal'
      throw new InvalidArgumentError('options.persist.journal', expected, fieldOf(settings, 'journal'))
    }
    this.#inside = inside
    this.#journal = settings.journal
    this.#stream = streamName('options.persist.stream', settings.stream)
    this.#init = callable('options.persist.init', settings.init)
    this.#apply = checkApply('options.persist.apply', settings.apply)
    this.#reducerVersion = integer('options.persist.version', 0, Number.MAX_SAFE_INTEGER, settings.version ?? 1)
    this.#upcast = checkUpcast('options.persist.upcast', settings.upcast)
    this.#ignoresUnknown = flag('options.persist.ignoreUnknown', false, settings.ignoreUnknown)
    this.#emit = optionalCallable('options.persist.emit', settings.emit)
    const snapshot = checkOptions('options.persist.snapshot', settings.snapshot)
    known('options.persist.snapshot', snapshot, ['every'])
    this.#every =
      settings.snapshot === undefined
        ? Infinity
        : integer('options.persist.snapshot.every', 1, Number.MAX_SAFE_INTEGER, snapshot.every)
    inside.assertWritable()
    this.#callbacks = object('behavior', behavior, 'an object with handleCall or handleCast')
    callbacks('behavior', behavior, CALLBACKS)
    for (const name of CALLBACKS) optionalCallable(`behavior.${name}`, behavior[name])
    this.behavior = this.#genServer()
  }

  /** Ties the stream to the process, which gives it free when it ends. */
  attach(process: PersistedProcess): void {
    this.#process = process
  }

  #genServer(): GenServerBehavior<unknown> {
    const { handleCall, handleCast, terminate } = this.#callbacks
    const genServer: GenServerBehavior<unknown> = {
      init: () => this.#start(),
      handleInfo: (info: Info, state) => this.#handle(state, () => this.#callbacks.handleInfo?.(info, state)),
      handleContinue: async (after, state) => {
        await (after as (state: unknown) => unknown)(state)
        return state
      },
    }
    if (handleCall !== undefined) genServer.handleCall = (message, state, from) => this.#call(message, state, from)
    if (handleCast !== undefined) {
      genServer.handleCast = (message, state) => this.#handle(state, () => this.#callbacks.handleCast?.(message, state))
    }
    if (terminate !== undefined) genServer.terminate = (reason, state) => this.#callbacks.terminate?.(reason, state)
    return genServer
  }

  async #call(message: unknown, state: unknown, from: From): Promise<CallResult<unknown, unknown> | Stopped<unknown>> {
    const outcome = await this.#outcome(state, () => this.#callbacks.handleCall?.(message, state, from))
    if (Stopped.is(outcome)) return outcome
    const { result, state: next } = outcome
    const reply = result.replyWith === undefined ? result.reply : result.replyWith(next)
    const { after, stop } = result
    if (stop !== undefined) return new Stopped(next, stop, [reply])
    return [reply, after === undefined ? next : (new Continued(next, after) as unknown)]
  }

  async #handle(state: unknown, callback: () => unknown): Promise<unknown> {
    const outcome = await this.#outcome(state, callback)
    if (Stopped.is(outcome)) return outcome
    const { result, state: next } = outcome
    const { after, stop } = result
    if (stop !== undefined) return new Stopped(next, stop, undefined)
    return after === undefined ? next : new Continued(next, after)
  }

  /** Runs a callback, and appends and applies its events. */
  async #outcome(state: unknown, callback: () => unknown): Promise<CallbackOutcome> {
    const result = checkResult(await callback())
    const events = result.events === undefined ? [] : isList(result.events) ? result.events : [result.events]
    if (events.length === 0) return { result, state }
    for (const [index, event] of events.entries()) this.#checkVersion(`result.events[${index}]`, event)
    let entries: readonly JournalEntry<unknown>[]
    try {
      entries = await this.#journal.appendTo(
        { stream: this.#stream, version: this.#version, origin: this.#origin },
        events,
      )
    } catch (error) {
      // Nothing was appended, because of the data: a failure of the callback.
      if (isNotPlainError(error) || isRecordTooLargeError(error) || isJournalOverflowError(error)) throw error
      return new Stopped(state, { error: new PersistenceError(this.#stream, error) }, undefined)
    }
    let next = state
    try {
      for (const entry of entries) next = stateAfter(this.#apply, next, entry, this.#ignoresUnknown)
    } catch (error) {
      return new Stopped(state, { error: error as Error }, undefined)
    }
    this.#counted(entries[0] as JournalEntry<unknown>)
    this.#version += entries.length
    this.#saveSnapshot(next)
    return { result, state: next }
  }

  /** Keeps the origin of the stream, when an event that the state counts now is the first. */
  #counted({ position, sequence }: JournalEntry<unknown>): void {
    if (position === 0) this.#origin = sequence
  }

  /** @throws InvalidArgumentError for an event that would be taken for one of an earlier version. */
  #checkVersion(field: string, event: unknown): void {
    const newest = this.#upcast.newest(typeOf(event))
    if (newest === undefined || versionOf(event) === newest) return
    throw new InvalidArgumentError(`${field}.version`, `${newest}, the newest version of its type`, versionOf(event))
  }

  /** Makes the state of the snapshot and the events after it. */
  async #start(): Promise<unknown> {
    const claim = `stream:${this.#stream}`
    if (!this.#inside.claim(claim)) throw new JournalNameInUseError('stream', this.#stream)
    // The process may have ended, because its start took too long.
    const process = this.#process as PersistedProcess
    process.whenEnded(() => this.#inside.release(claim))
    return inTurn(this.#journal, () => this.#recover(process))
  }

  async #recover(process: PersistedProcess): Promise<unknown> {
    // Events of a process that has just ended may be in flight.
    await this.#journal.sync()
    let state = await this.#loadSnapshot()
    let from = this.#version
    state = await this.#readOn(state, process)
    // Somebody cleared the stream meanwhile: what was read, or the snapshot, is of other events.
    while (this.#version > 0 && this.#origin !== this.#journal.streamOrigin(this.#stream)) {
      this.#version = this.#snapshotAt = from = 0
      state = await this.#readOn(this.#init(), process)
    }
    const [version, events] = [this.#version, this.#version - from]
    this.#tell({ type: 'persist:recovered', stream: this.#stream, version, events, from, at: this.#inside.clock.now() })
    return state
  }

  /** Applies the events that a state does not have yet. */
  async #readOn(state: unknown, process: PersistedProcess): Promise<unknown> {
    let next = state
    while (this.#version < this.#journal.streamVersion(this.#stream)) {
      const before = this.#version
      for await (const entry of this.#journal.readStream(this.#stream, { from: this.#version })) {
        if (!process.isAlive) throw new ClosedError('the process')
        if (entry.position !== this.#version) throw new JournalGapError(this.#version, entry.position ?? 0)
        next = stateAfter(this.#apply, next, upcastEntry(this.#upcast, entry), this.#ignoresUnknown)
        this.#counted(entry)
        this.#version++
      }
      if (this.#version === before) throw new JournalGapError(before, this.#journal.streamVersion(this.#stream))
    }
    return next
  }

  async #loadSnapshot(): Promise<unknown> {
    if (this.#every === Infinity) return this.#init()
    let saved: Snapshot | undefined
    try {
      this.#states = await this.#inside.states()
      saved = this.#states.get(this.#snapshotName) as Snapshot | undefined
    } catch (error) {
      this.#ignore(`it cannot be read: ${(error as Error).message}`)
    }
    if (saved === undefined) return this.#init()
    const isOurs = saved.version === this.#reducerVersion
    const reason = isOurs
      ? this.#otherEvents(saved)
      : `it is of version ${saved.version}, and the process of version ${this.#reducerVersion}`
    if (reason === undefined) {
      this.#version = this.#snapshotAt = saved.events
      this.#origin = saved.origin
      return saved.state
    }
    this.#ignore(reason)
    // Later the stream could have as many events again, and they would be others.
    if (isOurs) await this.#states?.remove(this.#snapshotName)
    return this.#init()
  }

  /** Returns the reason for which a snapshot is not of the first events of the stream; `undefined` when it is. */
  #otherEvents({ events, origin }: Snapshot): string | undefined {
    const held = this.#journal.streamVersion(this.#stream)
    if (events > held) return `it is of ${events} events, and the stream has ${held}`
    const isOther = origin !== this.#journal.streamOrigin(this.#stream)
    return isOther ? 'it is of other events: the stream has begun anew since' : undefined
  }

  get #snapshotName(): string {
    return `snapshot:${this.#stream}`
  }

  #ignore(reason: string): void {
    this.#tell({ type: 'persist:snapshot:ignored', stream: this.#stream, reason, at: this.#inside.clock.now() })
  }

  /** Saves a snapshot beside the work of the process, one at a time. */
  #saveSnapshot(state: unknown): void {
    if (this.#isSaving || this.#states === undefined || this.#version - this.#snapshotAt < this.#every) return
    const version = this.#version
    const origin = this.#origin
    // The events are gone again: they were cleared, and others may have taken their place.
    if (origin === undefined || origin !== this.#journal.streamOrigin(this.#stream)) return
    this.#isSaving = true
    this.#snapshotAt = version
    const snapshot: Snapshot = { version: this.#reducerVersion, events: version, origin, state }
    const stream = this.#stream
    const states = this.#states
    const synced = this.#inside.synced()
    const set = (): Promise<void> => states.set(this.#snapshotName, snapshot)
    void (synced === undefined ? set() : synced.then(set))
      .then(
        () => this.#tell({ type: 'persist:snapshot:saved', stream, version, at: this.#inside.clock.now() }),
        (error: unknown) => this.#snapshotFailed(error),
      )
      .finally(() => {
        this.#isSaving = false
      })
  }

  #snapshotFailed(error: unknown): void {
    const stream = this.#stream
    // A journal that is closed before it was synced needs no snapshot.
    if (isClosedError(error) && this.#inside.isClosed()) return
    if (this.#emit === undefined) this.#inside.report(error, `a snapshot of the stream ${stream}`, undefined)
    else this.#tell({ type: 'persist:snapshot:failed', stream, error, at: this.#inside.clock.now() })
  }

  #tell(event: PersistEvent): void {
    try {
      this.#emit?.(event)
    } catch (error) {
      this.#inside.report(error, "a persistent process's emit function", undefined)
    }
  }
}

/** @throws InvalidArgumentError for anything but an object with known fields, or nothing. */
function checkResult(result: unknown): CheckedResult {
  if (result === undefined) return {}
  const checked = object<CheckedResult>('result', result, 'an object with events and reply, or undefined')
  known('result', checked, RESULTS)
  optionalCallable('result.after', checked.after)
  optionalCallable('result.replyWith', checked.replyWith)
  if (checked.stop !== undefined) checkReason('result.stop', checked.stop)
  return checked
}
