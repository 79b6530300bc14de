import { keepOptimized } from '../internal/keep-optimized.ts'

/** A moment on both tracks of time. */
export interface InstantFields {
  /** Wall time: milliseconds since the Unix epoch, which can jump. */
  readonly wallMs: number
  /** Monotonic time in milliseconds, which cannot. */
  readonly monoMs: number
}

/**
 * A moment on both tracks of time. In arithmetic and comparisons it is its `wallMs`, which is why its type is also a
 * number: `clock.now() - startedAt`, `expiry > clock.now()`. It is an object, so `typeof` says `'object'`.
 */
export type Instant = InstantFields & number

class InstantValue implements InstantFields {
  static {
    // What a log shows.
    Object.defineProperty(this, 'name', { value: 'Instant' })
  }
  readonly wallMs: number
  readonly monoMs: number

  constructor(wallMs: number, monoMs: number) {
    this.wallMs = wallMs
    this.monoMs = monoMs
  }

  valueOf(): number {
    return this.wallMs
  }

  [Symbol.toPrimitive](hint: string): number | string {
    return hint === 'string' ? String(this.wallMs) : this.wallMs
  }
}

keepOptimized(new InstantValue(0, 0))

/** @internal */
export function instant(wallMs: number, monoMs: number): Instant {
  return new InstantValue(wallMs, monoMs) as unknown as Instant
}

/** @internal */
export function isInstant(value: unknown): value is Instant {
  return value instanceof InstantValue
}
