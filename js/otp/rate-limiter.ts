/**
 * `RateLimiter`: a limiter behind a process, so that it can be named, supervised and linked. The limiter itself is in
 * `js/rate`.
 */
import { RUNNING } from '../actor/process.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { stop as stopServer } from './gen-server/calls.ts'
import { ServerNotRunningError } from '../actor/errors.ts'
import { processOf, serviceOf } from './gen-server/ref.ts'
import type { Registrar } from './gen-server/registrable.ts'
import { startAs } from './gen-server/start.ts'
import type { GenServerBehavior, GenServerRef, StartOptions, TerminateReason } from './gen-server/types.ts'
import { RateLimitExceededError } from '../rate/errors.ts'
import { Limiter } from '../rate/limiter.ts'
import { limiterSettings } from '../rate/options.ts'
import type { LimiterOptions, LimiterWaitOptions, RateLimitResult } from '../rate/types.ts'

/** Options of `RateLimiter.start`. */
export interface RateLimiterOptions extends LimiterOptions {
  /** The name of the process while it lives: a name of the system, or a key of `registry`. */
  readonly name?: string | undefined
  /** A `RegistryInstance` that takes the name as a key, instead of the system's names. Needs `name`. */
  readonly registry?: Registrar | undefined
  /** The metadata of the registration. Needs `registry`. */
  readonly metadata?: unknown
}

/** Refers to a rate limiter. */
export interface RateLimiterRef extends GenServerRef<Limiter, never, never> {
  /** The id of the process. */
  readonly id: string
}

const START_OPTIONS = ['name', 'registry', 'metadata'] as const

/** The behaviour of a process that holds a limiter. It takes no messages: no call of a limiter ever waits. */
class LimiterBehavior implements GenServerBehavior<Limiter, never, never, never> {
  readonly options: LimiterOptions
  limiter: Limiter | undefined

  constructor(options: LimiterOptions) {
    this.options = options
  }

  init(): Limiter {
    this.limiter = new Limiter(this.options)
    return this.limiter
  }

  handleCall(message: never): never {
    throw new InvalidArgumentError('message', 'none: a RateLimiter takes no messages', message)
  }

  handleCast(message: never): never {
    throw new InvalidArgumentError('message', 'none: a RateLimiter takes no messages', message)
  }
}

const processFor = (ref: RateLimiterRef) => serviceOf(LimiterBehavior, 'a RateLimiter', ref)

/** Returns the limiter of a process that runs. */
function limiterOf(ref: RateLimiterRef): Limiter {
  const server = processFor(ref)
  if (server.status !== RUNNING) throw new ServerNotRunningError(server.id, server)
  return server.behavior.limiter as Limiter
}

async function start(options: RateLimiterOptions): Promise<RateLimiterRef> {
  const { system } = limiterSettings(options, START_OPTIONS)
  const { name, registry, metadata, ...limiter } = options
  const behavior = new LimiterBehavior(limiter)
  const startOptions: StartOptions = {
    system,
    ...(name !== undefined && { name }),
    ...(registry !== undefined && { registry }),
    ...(metadata !== undefined && { metadata }),
  }
  try {
    const ref = await startAs('RateLimiter', behavior, startOptions)
    // An exit listener also runs when the process is killed.
    processOf('ref', ref).whenEnded(() => behavior.limiter?.close())
    return ref
  } catch (error) {
    behavior.limiter?.close()
    throw error
  }
}

async function check(ref: RateLimiterRef, key: string, cost?: number): Promise<RateLimitResult> {
  return limiterOf(ref).check(key, cost)
}

async function consume(ref: RateLimiterRef, key: string, cost?: number): Promise<RateLimitResult> {
  const result = limiterOf(ref).take(key, cost)
  if (result.allowed) return result
  throw new RateLimitExceededError(key, result.retryAfterMs)
}

async function wait(ref: RateLimiterRef, key: string, options?: LimiterWaitOptions): Promise<RateLimitResult> {
  return limiterOf(ref).wait(key, options)
}

async function getStatus(ref: RateLimiterRef, key: string): Promise<RateLimitResult> {
  return limiterOf(ref).check(key)
}

async function penalty(ref: RateLimiterRef, key: string, points?: number): Promise<RateLimitResult> {
  return limiterOf(ref).penalty(key, points)
}

async function reward(ref: RateLimiterRef, key: string, points?: number): Promise<RateLimitResult> {
  return limiterOf(ref).reward(key, points)
}

async function block(ref: RateLimiterRef, key: string, durationMs: number): Promise<RateLimitResult> {
  return limiterOf(ref).block(key, durationMs)
}

async function unblock(ref: RateLimiterRef, key: string): Promise<boolean> {
  return limiterOf(ref).unblock(key)
}

async function reset(ref: RateLimiterRef, key: string): Promise<boolean> {
  return limiterOf(ref).reset(key)
}

async function getKeys(ref: RateLimiterRef): Promise<readonly string[]> {
  return limiterOf(ref).keys()
}

function cleanup(ref: RateLimiterRef): void {
  limiterOf(ref).cleanup()
}

function isRunning(ref: RateLimiterRef): boolean {
  return processFor(ref).status === RUNNING
}

async function stop(ref: RateLimiterRef, reason?: TerminateReason): Promise<void> {
  return stopServer(processFor(ref).ref, reason)
}

/**
 * Limits rates by key, behind a process that can be named, supervised and stopped. Its calls do not wait in a mailbox:
 * they are answered at once. They reject with `ServerNotRunningError` when the process has ended, and with
 * `InvalidArgumentError` for a malformed key or cost. For hot paths, {@link RateLimiter.limiter} returns the {@link
 * Limiter} itself, which answers without promises.
 *
 * @example
 * ```ts
 * const limiter = await RateLimiter.start({ maxRequests: 100, windowMs: 60_000 })
 * try {
 *   await RateLimiter.consume(limiter, 'user:123')
 * } catch (error) {
 *   if (isRateLimitExceededError(error)) console.log(`Retry after ${error.retryAfterMs} ms`)
 * }
 * await RateLimiter.stop(limiter)
 * ```
 */
export const RateLimiter = {
  /**
   * Starts a rate limiter.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** Resolves with whether a cost (default 1) would be allowed, without taking it. A key that is not known stays so. */
  check: check as typeof check,
  /**
   * Takes a cost (default 1) of a key's quota, all of it or nothing.
   *
   * @throws RateLimitExceededError when the quota does not hold it; `retryAfterMs` says when it will.
   */
  consume: consume as typeof consume,
  /**
   * Resolves once a cost was taken from a key's quota. Calls for one key are served in order of arrival. When the process
   * ends, the calls that wait reject with `ClosedError`.
   *
   * @throws RateLimitExceededError at once, when the wait would be longer than `maxWaitMs`.
   * @throws RateLimitQueueFullError when `maxWaiters` calls wait for the key.
   */
  wait: wait as typeof wait,
  /** Resolves with the state of a key: the same as a check of cost 1. */
  getStatus: getStatus as typeof getStatus,
  /**
   * Takes points (default 1) from a key, also beyond its quota; the debt must be paid back before anything is allowed.
   */
  penalty: penalty as typeof penalty,
  /** Gives points (default 1) back to a key, up to its whole quota. */
  reward: reward as typeof reward,
  /** Blocks a key for a time in ms. */
  block: block as typeof block,
  /** Ends a block. Resolves with whether there was one. */
  unblock: unblock as typeof unblock,
  /** Forgets a key and its block. Resolves with whether it was known. */
  reset: reset as typeof reset,
  /** Resolves with the keys that are remembered. */
  getKeys: getKeys as typeof getKeys,
  /** Forgets keys whose quota is whole again, now. Without it they are forgotten in time. */
  cleanup: cleanup as typeof cleanup,
  /**
   * Returns the limiter behind the process, whose calls answer without promises. It is closed when the process ends.
   */
  limiter: limiterOf as typeof limiterOf,
  /** Returns whether the process runs. */
  isRunning: isRunning as typeof isRunning,
  /** Ends the process. Resolves when it has ended. */
  stop: stop as typeof stop,
} as const
