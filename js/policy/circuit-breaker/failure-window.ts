/**
 * The three rules by which a closed circuit opens: failures in a row, a share of the last calls, a share of a time
 * window.
 */

/**
 * The outcomes a closed circuit has seen, and the rule by which it opens. A function of outcomes and monotonic time in
 * milliseconds. Time that goes back counts as a pause.
 */
export interface FailureWindow {
  /** True if {@link record} uses the time; if not, any number will do. */
  readonly isTimed: boolean
  /** Records an outcome. Returns whether the circuit must open. */
  record(ok: boolean, now: number): boolean
  /** Forgets all outcomes. */
  reset(): void
  /** Returns its state as plain data. */
  save(now: number): SavedEvidence
  /** Restores a state that was saved `elapsedMs` ago. Ignores a state of another kind. */
  load(saved: SavedEvidence, now: number, elapsedMs: number): void
}

/** The outcomes that a circuit breaker has seen, as plain data: a part of `SavedCircuit`. */
export type SavedEvidence =
  /** Failures in a row. */
  | { readonly kind: 'consecutive'; readonly failures: number }
  /** Outcomes, the oldest first: `+` is a success, `-` a failure. */
  | { readonly kind: 'calls'; readonly outcomes: string }
  /** Slices of the window: the age of its beginning, in milliseconds, then its successes and failures. */
  | { readonly kind: 'window'; readonly slices: readonly (readonly [ageMs: number, ok: number, failed: number])[] }

/** Opens at `limit` failures in a row. */
export class ConsecutiveFailures implements FailureWindow {
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
    // At most one below the limit, so that a circuit that was saved closed stays closed until the next failure.
    if (saved.kind === 'consecutive') this.#failures = Math.min(saved.failures, this.#limit - 1)
  }
}

/** Opens when at least `ratio` of the last `size` calls failed, once there were `minimum` calls. */
export class CountWindow implements FailureWindow {
  readonly isTimed = false
  readonly #ratio: number
  readonly #minimum: number
  /** A ring buffer: 1 is a failure. */
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

/** Slices of a window. Calls leave it a slice at a time, so it covers between nine tenths and all of `windowMs`. */
const SLICES = 10

/** Opens when at least `ratio` of the calls of the last `windowMs` failed, once there were `minimum` calls. */
export class TimeWindow implements FailureWindow {
  readonly isTimed = true
  readonly #ratio: number
  readonly #minimum: number
  readonly #sliceMs: number
  readonly #ok = new Float64Array(SLICES)
  readonly #failed = new Float64Array(SLICES)
  /** The number of the newest slice; slice 0 begins at time 0. */
  #newest = -Infinity
  #totalOk = 0
  #totalFailed = 0

  constructor(windowMs: number, ratio: number, minimum: number) {
    this.#sliceMs = windowMs / SLICES
    this.#ratio = ratio
    this.#minimum = minimum
  }

  record(ok: boolean, now: number): boolean {
    this.#moveTo(now)
    this.#add(this.#newest, ok ? 1 : 0, ok ? 0 : 1)
    if (ok) return false
    const all = this.#totalOk + this.#totalFailed
    return all >= this.#minimum && this.#totalFailed >= all * this.#ratio
  }

  reset(): void {
    this.#ok.fill(0)
    this.#failed.fill(0)
    this.#newest = -Infinity
    this.#totalOk = 0
    this.#totalFailed = 0
  }

  save(now: number): SavedEvidence {
    this.#moveTo(now)
    const slices: [number, number, number][] = []
    for (let slice = this.#newest - SLICES + 1; slice <= this.#newest; slice++) {
      const [ok, failed] = [this.#ok[ringIndex(slice)] as number, this.#failed[ringIndex(slice)] as number]
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
    const at = ringIndex(slice)
    this.#ok[at] = (this.#ok[at] as number) + ok
    this.#failed[at] = (this.#failed[at] as number) + failed
    this.#totalOk += ok
    this.#totalFailed += failed
  }

  /** Makes the slice of `now` the newest, and clears the slices that leave the window. */
  #moveTo(now: number): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice <= this.#newest) return
    for (let expired = Math.max(this.#newest + 1, slice - SLICES + 1); expired <= slice; expired++) {
      const at = ringIndex(expired)
      this.#totalOk -= this.#ok[at] as number
      this.#totalFailed -= this.#failed[at] as number
      this.#ok[at] = 0
      this.#failed[at] = 0
    }
    this.#newest = slice
  }
}

const ringIndex = (slice: number): number => ((slice % SLICES) + SLICES) % SLICES
