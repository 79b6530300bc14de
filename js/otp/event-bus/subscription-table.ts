import { NativeHandles } from '../../internal/native-handles.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { hot, scratch } from '../../native.ts'
import { MAX_BYTES, MAX_SEGMENTS, SUBSCRIBED_SLOT, TOO_LONG, TOO_MANY_SEGMENTS } from '../../protocol/bus.ts'

/** A subscription as the core knows it, by its pattern. */
export interface TableEntry {
  readonly pattern: string
  /** The core's id of it, and its slot in this table; the table sets them. */
  id: number
  slot: number
}

/** The number of topics whose matches are remembered, and how many entries those may hold together. */
const MOST_TOPICS = 1024
const MOST_ENTRIES = 65_536
/** One lookup in this many is remembered: topics that come again soon are found, topics that never do cost little. */
const SELDOM = 4
/** The length of the longest topic that is remembered. */
const LONGEST_TOPIC = 256

const handles = new NativeHandles((handle) => hot.busClose(handle))

function refuse(field: string, value: unknown, code: number): never {
  if (code === TOO_LONG) throw new InvalidArgumentError(field, `a string of at most ${MAX_BYTES} bytes`, value)
  if (code === TOO_MANY_SEGMENTS)
    throw new InvalidArgumentError(field, `a string of at most ${MAX_SEGMENTS} segments`, value)
  throw new InvalidArgumentError(field, 'one of fewer than 2^24 subscriptions', value)
}

/** Returns a string that the core can tell from all others. */
function text(field: string, value: unknown): string {
  // UTF-8 has no fewer bytes than characters.
  // A lone surrogate would become another character in the core, and two topics one.
  if (typeof value === 'string') {
    if (value.length > MAX_BYTES) refuse(field, value, TOO_LONG)
    if ((value as string & { isWellFormed(): boolean }).isWellFormed()) return value
  }
  throw new InvalidArgumentError(field, 'a string of whole characters', value)
}

/**
 * Finds the subscriptions that match a topic. The core decides; its answers are remembered until a subscription comes
 * or goes.
 */
export class SubscriptionTable<E extends TableEntry> {
  readonly #handle: number = hot.busOpen()
  readonly #bySlot: (E | undefined)[] = []
  /** All subscriptions, in the order in which they were added. */
  readonly #entries = new Set<E>()
  readonly #matches = new Map<string, readonly E[]>()
  #rememberedEntries = 0
  #lookups = 0

  constructor() {
    handles.own(this, this.#handle)
  }

  /** All subscriptions, in the order in which they were added. */
  get entries(): ReadonlySet<E> {
    return this.#entries
  }

  /**
   * Adds a subscription.
   *
   * @throws InvalidArgumentError for a pattern that is not well formed or is beyond the limits.
   */
  add(entry: E): void {
    const id = hot.busSubscribe(text('pattern', entry.pattern), this.#handle)
    if (id < 0) refuse('pattern', entry.pattern, id)
    entry.id = id
    entry.slot = scratch[SUBSCRIBED_SLOT] as number
    this.#bySlot[entry.slot] = entry
    this.#entries.add(entry)
    this.#forget()
  }

  /** Removes a subscription. Returns whether it was there. */
  remove(entry: E): boolean {
    if (!this.#entries.delete(entry)) return false
    hot.busUnsubscribe(this.#handle, entry.id)
    this.#bySlot[entry.slot] = undefined
    this.#forget()
    return true
  }

  /**
   * Returns the subscriptions that match a topic, in the order in which they were added. The list is never changed.
   *
   * @throws InvalidArgumentError as {@link add}.
   */
  match(topic: string): readonly E[] {
    // A topic that is never remembered is not hashed, however long it is.
    if (typeof topic === 'string' && topic.length <= LONGEST_TOPIC) {
      const remembered = this.#matches.get(topic)
      if (remembered !== undefined) return remembered
    }
    const count = hot.busMatch(text('topic', topic), this.#handle)
    if (count < 0) refuse('topic', topic, count)
    const found = this.#collect(count)
    if (++this.#lookups % SELDOM === 0) this.#remember(topic, found)
    return found
  }

  close(): void {
    handles.close(this, this.#handle)
    this.#entries.clear()
    this.#bySlot.length = 0
    this.#forget()
  }

  #collect(count: number): E[] {
    // The array has its final length at once: one that grows takes several times the memory, for each message.
    // oxlint-disable-next-line unicorn/no-new-array -- a length; Array.from takes twenty times as long
    const found = new Array<E>(count)
    let [at, written] = [0, Math.min(count, scratch.length)]
    while (written > 0) {
      for (let index = 0; index < written; index++) found[at++] = this.#bySlot[scratch[index] as number] as E
      written = at < count ? hot.busFound(this.#handle, at) : 0
    }
    return found
  }

  #remember(topic: string, found: readonly E[]): void {
    const size = found.length + 1
    if (topic.length > LONGEST_TOPIC || size > MOST_ENTRIES) return
    if (this.#matches.size === MOST_TOPICS || this.#rememberedEntries + size > MOST_ENTRIES) this.#forget()
    this.#matches.set(topic, found)
    this.#rememberedEntries += size
  }

  #forget(): void {
    if (this.#matches.size === 0) return
    this.#matches.clear()
    this.#rememberedEntries = 0
  }
}
