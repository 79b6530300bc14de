import { MAX_DURATION_MS } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { FAILED_ATTEMPTS, FAILED_DELAY } from '../protocol/restarts.ts'
import type { SupervisionStrategy } from './types.ts'

/** What the core says about a failure. */
export type Verdict =
  | { readonly restart: true; readonly attempt: number; readonly delayMs: number }
  | { readonly restart: false; readonly attempts: number }

/** Where a strategy says nothing. */
const BACKOFF = { initial: 1, max: 1000, factor: 2 }

const release = new FinalizationRegistry<number>((handle) => hot.restartsClose(handle))

/** Budget and back-off of one process, over all its runs; the core decides. */
export class Restarts {
  readonly #handle: number

  constructor(strategy: SupervisionStrategy) {
    const { count = -1, within = 0 } = strategy.maxRestarts ?? {}
    const { initial, max, factor, jitter = 0 } = { jitter: 0, ...(strategy.backoff ?? BACKOFF) }
    this.#handle = hot.restartsOpen(count, within, initial, max, factor, jitter)
    release.register(this, this.#handle, this)
  }

  /** Its `init` ended well. */
  started(monoMs: number): void {
    hot.restartsStarted(this.#handle, monoMs)
  }

  /** It failed; `chance` is a number in [0, 1). */
  failed(monoMs: number, chance: number): Verdict {
    const attempt = hot.restartsFailed(this.#handle, monoMs, chance)
    if (attempt <= 0) return { restart: false, attempts: scratch[FAILED_ATTEMPTS] as number }
    // A jitter beyond measure makes a delay that no clock takes.
    return { restart: true, attempt, delayMs: Math.min(scratch[FAILED_DELAY] as number, MAX_DURATION_MS) }
  }

  close(): void {
    release.unregister(this)
    hot.restartsClose(this.#handle)
  }
}
