import { RUNNING } from '../actor/process.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { stop as stopServer } from './gen-server/calls.ts'
import { ServerNotRunningError } from '../actor/errors.ts'
import { serverOf, serviceOf } from './gen-server/ref.ts'
import type { Registrar } from './gen-server/registrable.ts'
import { startAs } from './gen-server/start.ts'
import type { GenServerBehavior, GenServerRef, StartOptions, TerminateReason } from './gen-server/types.ts'
import { RateLimitExceededError } from '../rate/errors.ts'
import { Limiter } from '../rate/limiter.ts'
import { limiterSettings } from '../rate/options.ts'
import type { LimiterOptions, RateLimitResult } from '../rate/types.ts'

/** Options of `RateLimiter.start`. */
export interface RateLimiterOptions extends LimiterOptions {
  /** What the process is registered under while it lives: a name of the system, or a key of `registry`. */
  readonly name?: string | undefined
  /** Registers it there instead of among the system's names. Needs `name`. */
  readonly registry?: Registrar | undefined
  /** What the registry keeps with it. Needs `registry`. */
  readonly metadata?: unknown
}

/** Names a rate limiter. Opaque, as every ref. */
export interface RateLimiterRef extends GenServerRef<Limiter, never, never> {
  readonly id: string
}

const START_OPTIONS = ['name', 'registry', 'metadata'] as const

/** Holds the limiter, and takes no messages: what is asked of it never has to wait for anything. */
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

const serverFor = (ref: RateLimiterRef) => serviceOf(LimiterBehavior, 'a RateLimiter', ref)

/** The limiter of a process that runs. */
function limiterOf(ref: RateLimiterRef): Limiter {
  const server = serverFor(ref)
  if (server.status !== RUNNING) throw new ServerNotRunningError(server.id, server)
  return server.behavior.limiter as Limiter
}

async function start(options: RateLimiterOptions): Promise<RateLimiterRef> {
  const { system } = limiterSettings(options, START_OPTIONS)
  const { name, registry, metadata, ...limiter } = options
  const behavior = new LimiterBehavior(limiter)
  const started: StartOptions = {
    system,
    ...(name !== undefined && { name }),
    ...(registry !== undefined && { registry }),
    ...(metadata !== undefined && { metadata }),
  }
  try {
    const ref = await startAs('RateLimiter', behavior, started)
    // However it ends, also when it is killed.
    serverOf('ref', ref).whenEnded(() => behavior.limiter?.close())
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
  return serverFor(ref).status === RUNNING
}

async function stop(ref: RateLimiterRef, reason?: TerminateReason): Promise<void> {
  return stopServer(serverFor(ref).ref, reason)
}

/**
 * Quotas of keys behind a process that can be named, supervised and stopped. Its calls do not wait in a mailbox, since
 * each is done in one go; they reject with `ServerNotRunningError` when the process has ended, and with
 * `InvalidArgumentError` for a key or a cost that is none. For hot paths, {@link RateLimiter.limiter} gives the
 * {@link Limiter} itself, which answers without promises.
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
   * Starts one.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** Whether a cost is there, without taking it; a key that is not known stays so. Default cost 1. */
  check: check as typeof check,
  /**
   * Takes a cost of a key's quota, all of it or nothing. Default cost 1.
   *
   * @throws RateLimitExceededError when it is not there, with the time after which it is.
   */
  consume: consume as typeof consume,
  /** What a key has: the same as a check of cost 1. */
  getStatus: getStatus as typeof getStatus,
  /** Takes points, there or not; the debt has to come back before anything is allowed. */
  penalty: penalty as typeof penalty,
  /** Gives points back, up to the whole quota. */
  reward: reward as typeof reward,
  /** Refuses a key for so many milliseconds. */
  block: block as typeof block,
  /** Ends a block; whether there was one. */
  unblock: unblock as typeof unblock,
  /** Forgets a key with its block; whether it was known. */
  reset: reset as typeof reset,
  /** The keys that are remembered. */
  getKeys: getKeys as typeof getKeys,
  /** Forgets keys that are as good as new, now. They are forgotten in time without it. */
  cleanup: cleanup as typeof cleanup,
  /** The limiter behind the process, for calls that answer at once. It is closed when the process ends. */
  limiter: limiterOf as typeof limiterOf,
  /** Whether it can be asked. */
  isRunning: isRunning as typeof isRunning,
  /** Ends it. Resolves when it has ended. */
  stop: stop as typeof stop,
} as const
