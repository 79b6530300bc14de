/**
 * What a closed circuit knows of its calls: functions of outcomes and time, which is monotonic and in milliseconds. A clock
 * that goes back is a pause.
 */
export interface Evidence {
  /** Whether outcomes need the time; else any number will do. */
  readonly isTimed: boolean
  /** Takes an outcome in; whether the circuit is to open. */
  record(ok: boolean, now: number): boolean
  /** Forgets everything. */
  reset(): void
  /** What it knows, as plain data. */
  save(now: number): SavedEvidence
  /** Takes over what was saved so long ago, in milliseconds, by evidence of its kind; of another kind it takes nothing. */
  load(saved: SavedEvidence, now: number, elapsedMs: number): void
}

/** What evidence knows, as plain data. */
export type SavedEvidence =
  | { readonly kind: 'consecutive'; readonly failures: number }
  /** Outcomes from the oldest on: `+` and `-`. */
  | { readonly kind: 'calls'; readonly outcomes: string }
  /** Slices of the window: how long ago each began, in milliseconds, and what it counted. */
  | { readonly kind: 'window'; readonly slices: readonly (readonly [ageMs: number, ok: number, failed: number])[] }

/** Opens at so many failures in a row. */
export class Consecutive implements Evidence {
  readonly isTimed = false
  readonly #limit: number
  #failures = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  record(ok: boolean): boolean {
    this.#failures = ok ? 0 : this.#failures + 1
    return this.#failures >= this.#limit
  }

  reset(): void {
    this.#failures = 0
  }

  save(): SavedEvidence {
    return { kind: 'consecutive', failures: this.#failures }
  }

  load(saved: SavedEvidence): void {
    // One below the limit: what was saved closed stays closed until it fails again.
    if (saved.kind === 'consecutive') this.#failures = Math.min(saved.failures, this.#limit - 1)
  }
}

/** Opens when at least `ratio` of the last `size` calls failed, and there were `minimum`. */
export class LastCalls implements Evidence {
  readonly isTimed = false
  readonly #ratio: number
  readonly #minimum: number
  /** A ring: 1 is a failure. */
  readonly #outcomes: Uint8Array
  #next = 0
  #count = 0
  #failures = 0

  constructor(size: number, ratio: number, minimum: number) {
    this.#outcomes = new Uint8Array(size)
    this.#ratio = ratio
    this.#minimum = minimum
  }

  record(ok: boolean): boolean {
    const outcomes = this.#outcomes
    if (this.#count === outcomes.length) this.#failures -= outcomes[this.#next] as number
    else this.#count++
    outcomes[this.#next] = ok ? 0 : 1
    this.#next = this.#next + 1 === outcomes.length ? 0 : this.#next + 1
    if (ok) return false
    this.#failures++
    return this.#count >= this.#minimum && this.#failures >= this.#count * this.#ratio
  }

  reset(): void {
    this.#next = 0
    this.#count = 0
    this.#failures = 0
  }

  save(): SavedEvidence {
    const { length } = this.#outcomes
    let outcomes = ''
    for (let index = 0; index < this.#count; index++) {
      outcomes += this.#outcomes[(this.#next - this.#count + index + length) % length] === 1 ? '-' : '+'
    }
    return { kind: 'calls', outcomes }
  }

  load(saved: SavedEvidence): void {
    if (saved.kind !== 'calls') return
    this.reset()
    for (const outcome of saved.outcomes.slice(-this.#outcomes.length)) this.record(outcome === '+')
  }
}

/** Slices a window is made of: what is counted is between nine tenths of it and all of it. */
const SLICES = 10

/** Opens when at least `ratio` of the calls of the last `windowMs` failed, and there were `minimum`. */
export class LastWhile implements Evidence {
  readonly isTimed = true
  readonly #ratio: number
  readonly #minimum: number
  readonly #sliceMs: number
  readonly #ok = new Float64Array(SLICES)
  readonly #failed = new Float64Array(SLICES)
  /** The number of the newest slice, counted from time zero. */
  #newest = -Infinity
  #allOk = 0
  #allFailed = 0

  constructor(windowMs: number, ratio: number, minimum: number) {
    this.#sliceMs = windowMs / SLICES
    this.#ratio = ratio
    this.#minimum = minimum
  }

  record(ok: boolean, now: number): boolean {
    this.#moveTo(now)
    this.#add(this.#newest, ok ? 1 : 0, ok ? 0 : 1)
    if (ok) return false
    const all = this.#allOk + this.#allFailed
    return all >= this.#minimum && this.#allFailed >= all * this.#ratio
  }

  reset(): void {
    this.#ok.fill(0)
    this.#failed.fill(0)
    this.#newest = -Infinity
    this.#allOk = 0
    this.#allFailed = 0
  }

  save(now: number): SavedEvidence {
    this.#moveTo(now)
    const slices: [number, number, number][] = []
    for (let slice = this.#newest - SLICES + 1; slice <= this.#newest; slice++) {
      const [ok, failed] = [this.#ok[place(slice)] as number, this.#failed[place(slice)] as number]
      if (ok + failed > 0) slices.push([now - slice * this.#sliceMs, ok, failed])
    }
    return { kind: 'window', slices }
  }

  load(saved: SavedEvidence, now: number, elapsedMs: number): void {
    if (saved.kind !== 'window') return
    this.reset()
    this.#moveTo(now)
    for (const [ageMs, ok, failed] of saved.slices) {
      const slice = Math.min(Math.floor((now - ageMs - elapsedMs) / this.#sliceMs), this.#newest)
      if (slice > this.#newest - SLICES) this.#add(slice, ok, failed)
    }
  }

  #add(slice: number, ok: number, failed: number): void {
    const at = place(slice)
    this.#ok[at] = (this.#ok[at] as number) + ok
    this.#failed[at] = (this.#failed[at] as number) + failed
    this.#allOk += ok
    this.#allFailed += failed
  }

  /** Makes the slice of a time the newest, and forgets those that it pushes out. */
  #moveTo(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice <= this.#newest) return
    for (let gone = Math.max(this.#newest + 1, slice - SLICES + 1); gone <= slice; gone++) {
      const at = place(gone)
      this.#allOk -= this.#ok[at] as number
      this.#allFailed -= this.#failed[at] as number
      this.#ok[at] = 0
      this.#failed[at] = 0
    }
    this.#newest = slice
  }
}

const place = (slice: number): number => ((slice % SLICES) + SLICES) % SLICES
