import { InvalidArgumentError } from '../../errors/errors.ts'
import { hot, scratch } from '../../native.ts'

/** What the core finds by topic: whoever has a pattern. */
export interface Entry {
  readonly pattern: string
  /** The core's name for it, and where it stands here; the table's own. */
  id: number
  slot: number
}

/** The core's limits: bytes of UTF-8, which are no fewer than characters, and segments. */
const MAX_BYTES = 65_536
const MAX_SEGMENTS = 256

/** Topics whose entries are known without asking the core, and how many entries those may hold together. */
const MOST_TOPICS = 1024
const MOST_ENTRIES = 65_536
/** One in so many that had to be looked for is remembered: topics that come again and again soon are, others seldom. */
const SELDOM = 4
/** A topic that is longer is not worth its memory. */
const LONGEST_TOPIC = 256

const release = new FinalizationRegistry<number>((handle) => hot.busClose(handle))

function refuse(field: string, given: unknown, code: number): never {
  if (code === -2) throw new InvalidArgumentError(field, `a string of at most ${MAX_BYTES} bytes`, given)
  if (code === -3) throw new InvalidArgumentError(field, `a string of at most ${MAX_SEGMENTS} segments`, given)
  throw new InvalidArgumentError(field, 'one of fewer than 2^24 subscriptions', given)
}

/** A string that the core can tell from all others. */
function text(field: string, given: unknown): string {
  // A lone surrogate would become another character in the core, and two topics one.
  if (typeof given === 'string') {
    if (given.length > MAX_BYTES) refuse(field, given, -2)
    if ((given as string & { isWellFormed(): boolean }).isWellFormed()) return given
  }
  throw new InvalidArgumentError(field, 'a string of whole characters', given)
}

/** Who wants which topic: the core decides, and what it found is remembered until a subscription comes or goes. */
export class Table<E extends Entry> {
  readonly #handle: number = hot.busOpen()
  readonly #bySlot: (E | undefined)[] = []
  /** In the order in which they were added. */
  readonly #entries = new Set<E>()
  readonly #known = new Map<string, readonly E[]>()
  #knownEntries = 0
  #asked = 0

  constructor() {
    release.register(this, this.#handle, this)
  }

  /** All, in the order in which they were added. */
  get entries(): ReadonlySet<E> {
    return this.#entries
  }

  /** @throws InvalidArgumentError for a pattern that is no string of whole characters, or beyond the limits. */
  add(entry: E): void {
    const id = hot.busSubscribe(text('pattern', entry.pattern), this.#handle)
    if (id < 0) refuse('pattern', entry.pattern, id)
    entry.id = id
    entry.slot = scratch[0] as number
    this.#bySlot[entry.slot] = entry
    this.#entries.add(entry)
    this.#forget()
  }

  /** Whether it was there. */
  remove(entry: E): boolean {
    if (!this.#entries.delete(entry)) return false
    hot.busUnsubscribe(this.#handle, entry.id)
    this.#bySlot[entry.slot] = undefined
    this.#forget()
    return true
  }

  /**
   * Who wants a topic, in the order in which they were added; the list is never changed.
   *
   * @throws InvalidArgumentError as {@link add}.
   */
  wanting(topic: string): readonly E[] {
    // A string that cannot be known is not hashed, however long it is.
    if (typeof topic === 'string' && topic.length <= LONGEST_TOPIC) {
      const known = this.#known.get(topic)
      if (known !== undefined) return known
    }
    const count = hot.busMatch(text('topic', topic), this.#handle)
    if (count < 0) refuse('topic', topic, count)
    const found = this.#found(count)
    if (++this.#asked % SELDOM === 0) this.#remember(topic, found)
    return found
  }

  close(): void {
    release.unregister(this)
    hot.busClose(this.#handle)
    this.#entries.clear()
    this.#bySlot.length = 0
    this.#forget()
  }

  #found(count: number): E[] {
    // As long as it gets: one that grows takes several times the memory, for each message.
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
    if (this.#known.size === MOST_TOPICS || this.#knownEntries + size > MOST_ENTRIES) this.#forget()
    this.#known.set(topic, found)
    this.#knownEntries += size
  }

  #forget(): void {
    if (this.#known.size === 0) return
    this.#known.clear()
    this.#knownEntries = 0
  }
}
