/** The entries of a journal with streams, by simple rules. */

/** The data of an entry: `n` is another one for each that is offered. */
export interface Data {
  readonly n: number
  readonly key: string
  readonly pad: string
}

/** An entry that should be there. */
export interface Held {
  readonly sequence: number
  readonly n: number
  readonly key: string
  readonly stream: string
  readonly position: number
  readonly id: string
}

/** An entry that is offered. An empty text is none. */
export interface Draft {
  readonly data: Data
  readonly stream: string
  readonly id: string
  readonly expected: number | undefined
}

/** The answer to an append. */
export type Answer =
  | { readonly kind: 'appended' | 'repeated'; readonly entries: readonly Held[] }
  | { readonly kind: 'conflict'; readonly stream: string; readonly expected: number; readonly actual: number }
  | { readonly kind: 'mixed' }

/** Ids that a stream remembers. */
const WINDOW = 1024

/** A log in memory. */
export class Log {
  held: Held[] = []
  /** The `n` of each entry, by sequence; also of those that are not held any more. */
  all: number[] = []
  /** The `n` of each event of a stream since it began, by position; also of those that are not held any more. */
  history = new Map<string, number[]>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Returns a copy, to go back to. */
  clone(): Log {
    const copy = new Log(this.#limit)
    copy.held = [...this.held]
    copy.all = [...this.all]
    copy.history = new Map(Array.from(this.history, ([stream, all]) => [stream, [...all]]))
    return copy
  }

  /** The sequence after the last entry. */
  get next(): number {
    return this.all.length
  }

  version(stream: string): number {
    const last = this.held.findLast((entry) => entry.stream === stream)
    return last === undefined ? 0 : last.position + 1
  }

  streams(): string[] {
    return [...new Set(this.held.map(({ stream }) => stream).filter((stream) => stream !== ''))].toSorted()
  }

  of(stream: string): Held[] {
    return this.held.filter((entry) => entry.stream === stream)
  }

  /**
   * Appends entries, all or none. Of appends in flight pass their `positions`: an entry that makes the last event of a
   * stream go may be written before or after the next event of it is accepted.
   */
  append(drafts: readonly Draft[], positions?: readonly number[]): Answer {
    const repeated = drafts.map(({ stream, id }) => (id === '' ? undefined : this.#byId(stream, id)))
    const known = repeated.filter((entry) => entry !== undefined)
    if (known.length === drafts.length) return { kind: 'repeated', entries: known }
    const ids = drafts.filter(({ id }) => id !== '').map(({ stream, id }) => `${stream} ${id}`)
    if (known.length > 0 || new Set(ids).size < ids.length) return { kind: 'mixed' }
    for (const { stream, expected } of drafts) {
      const actual = this.version(stream)
      if (expected !== undefined && expected !== actual) return { kind: 'conflict', stream, expected, actual }
    }
    const entries = drafts.map((draft, index) => this.#push(draft, positions?.[index]))
    this.#retain()
    return { kind: 'appended', entries }
  }

  /** Keeps the last entry of each key and of each stream, and those without a key. Returns how many went. */
  compact(): number {
    const before = this.held.length
    const ofKey = new Map(this.held.map(({ key, sequence }) => [key, sequence]))
    const ofStream = new Map(this.held.map(({ stream, sequence }) => [stream, sequence]))
    this.held = this.held.filter(
      ({ key, stream, sequence }) =>
        key === '' || ofKey.get(key) === sequence || (stream !== '' && ofStream.get(stream) === sequence),
    )
    return before - this.held.length
  }

  #push({ data: { n, key }, stream, id }: Draft, found: number | undefined): Held {
    const sequence = this.all.push(n) - 1
    const goesOn = found !== undefined && found === this.history.get(stream)?.length
    const position = stream === '' ? 0 : goesOn ? found : this.version(stream)
    if (stream !== '') {
      if (position === 0) this.history.set(stream, [])
      this.history.get(stream)?.push(n)
    }
    const entry = { sequence, n, key, stream, position, id: id === '' ? String(sequence) : id }
    this.held.push(entry)
    return entry
  }

  #byId(stream: string, id: string): Held | undefined {
    return this.of(stream)
      .slice(-WINDOW)
      .findLast((entry) => entry.id === id)
  }

  #retain(): void {
    if (this.held.length > this.#limit) this.held = this.held.slice(-this.#limit)
  }
}
