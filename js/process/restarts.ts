import { NativeHandles } from '../internal/native-handles.ts'
import { MAX_DURATION_MS } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { FAILED_ATTEMPTS, FAILED_DELAY } from '../protocol/restarts.ts'
import type { SupervisionStrategy } from './types.ts'

/** The core's decision about a failure. */
export type RestartDecision =
  | { readonly restart: true; readonly attempt: number; readonly delayMs: number }
  | { readonly restart: false; readonly attempts: number }

/** The back-off of strategies that have none: 1 ms, doubled up to 1000 ms. */
const BACKOFF = { initial: 1, max: 1000, factor: 2 }

/**
 * The supervision of a process whose spec has none: five restarts in any minute, after 100 ms, doubled up to 5000 ms.
 */
export const DEFAULT_SUPERVISION: SupervisionStrategy = {
  type: 'one-for-one',
  backoff: { initial: 100, max: 5000, factor: 2 },
  maxRestarts: { count: 5, within: 60_000 },
}

const handles = new NativeHandles((handle) => hot.restartsClose(handle))

/**
 * Decides whether and when one process restarts, over all its runs. The core counts restarts in their window and
 * computes delays; this is the only caller of it in TypeScript.
 */
export class RestartTracker {
  readonly #handle: number

  constructor(strategy: SupervisionStrategy) {
    const { count = -1, within = 0 } = strategy.maxRestarts ?? {}
    const { initial, max, factor, jitter = 0 } = { jitter: 0, ...(strategy.backoff ?? BACKOFF) }
    this.#handle = hot.restartsOpen(count, within, initial, max, factor, jitter)
    handles.own(this, this.#handle)
  }

  /** Notes that `init` has ended well. */
  started(monoMs: number): void {
    hot.restartsStarted(this.#handle, monoMs)
  }

  /**
   * Notes a failure and returns the decision.
   *
   * @param chance A random number in [0, 1), for jitter.
   */
  failed(monoMs: number, chance: number): RestartDecision {
    const attempt = hot.restartsFailed(this.#handle, monoMs, chance)
    if (attempt <= 0) return { restart: false, attempts: scratch[FAILED_ATTEMPTS] as number }
    // A huge jitter makes a delay that no clock takes.
    return { restart: true, attempt, delayMs: Math.min(scratch[FAILED_DELAY] as number, MAX_DURATION_MS) }
  }

  close(): void {
    handles.close(this, this.#handle)
  }
}
