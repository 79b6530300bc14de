import {
  GenServer,
  isRateLimitExceededError,
  RateLimiter,
  RateLimitExceededError,
  type RateLimiterRef,
  Registry,
  Supervisor,
} from 'keelson'
import { describe, expect, it } from 'vitest'

import { counter } from '../support/counter.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const start = (options: object = {}): Promise<RateLimiterRef> =>
  RateLimiter.start({ maxRequests: 3, windowMs: 1000, system: stage.system, ...options })

describe('a rate limiter', () => {
  it('is used as the readme of GenServer libraries shows', async () => {
    const limiter = await start()
    const status = await RateLimiter.check(limiter, 'user:123')
    expect(`${status.remaining}/${status.limit}`).toBe('3/3')
    expect(await RateLimiter.consume(limiter, 'user:123', 3)).toMatchObject({ allowed: true, remaining: 0 })
    const error = await rejection(RateLimiter.consume(limiter, 'user:123'))
    expect(error).toBeInstanceOf(RateLimitExceededError)
    expect(isRateLimitExceededError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'KEELSON_RATE_LIMITED', key: 'user:123', retryAfterMs: 1000 })
    expect((error as Error).message).toBe("Rate limit exceeded for 'user:123'. Retry after 1000ms")
    expect(await RateLimiter.getKeys(limiter)).toEqual(['user:123'])
    await RateLimiter.stop(limiter)
    expect(RateLimiter.isRunning(limiter)).toBe(false)
  })

  it('does all that the limiter behind it does', async () => {
    const ref = await start()
    expect(await RateLimiter.penalty(ref, 'a', 3)).toMatchObject({ allowed: false })
    expect(await RateLimiter.reward(ref, 'a', 2)).toMatchObject({ remaining: 2 })
    expect(await RateLimiter.block(ref, 'a', 60_000)).toMatchObject({ retryAfterMs: 60_000 })
    expect(await RateLimiter.unblock(ref, 'a')).toBe(true)
    expect(await RateLimiter.getStatus(ref, 'a')).toMatchObject({ allowed: true, remaining: 2 })
    const limiter = RateLimiter.limiter(ref)
    expect(limiter.take('a', 2).allowed).toBe(true)
    expect(await rejection(RateLimiter.consume(ref, 'a'))).toMatchObject({ retryAfterMs: 1000 })
    expect(await RateLimiter.reset(ref, 'a')).toBe(true)
    limiter.take('b')
    stage.clock.advanceBy(1000)
    RateLimiter.cleanup(ref)
    expect(await RateLimiter.getKeys(ref)).toEqual([])
  })

  it('has a name while it lives, and refuses after it', async () => {
    const ref = await start({ name: 'api' })
    expect(Registry.lookup('api', stage.system)).toBe(ref)
    expect(await rejection(start({ name: 'api' }))).toMatchObject({ code: 'KEELSON_ALREADY_REGISTERED' })
    const limiter = RateLimiter.limiter(ref)
    await RateLimiter.stop(ref)
    expect(limiter.closed).toBe(true)
    for (const use of [RateLimiter.check, RateLimiter.consume, RateLimiter.getStatus, RateLimiter.reset]) {
      expect(await rejection(use(ref, 'a'))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    }
    expect(() => RateLimiter.cleanup(ref)).toThrow('is not running')
    expect((await start({ name: 'api' })).id).not.toBe(ref.id)
  })

  it('is a child of a supervisor, which starts another when it is killed', async () => {
    const tree = await Supervisor.start({
      children: [{ id: 'limiter', start: () => start({ name: 'api' }) }],
      system: stage.system,
    })
    const first = Registry.lookup('api', stage.system) as RateLimiterRef
    const limiter = RateLimiter.limiter(first)
    limiter.take('a', 3)
    // A limiter takes no messages: one that is cast is a fault of the program, and crashes it.
    GenServer.cast(first as never, 'nonsense' as never)
    await expect
      .poll(() => (Registry.whereis('api', stage.system) as { id: string } | undefined)?.id)
      .not.toBe(first.id)
    await stage.turn()
    const second = Registry.lookup('api', stage.system) as RateLimiterRef
    expect(limiter.closed).toBe(true)
    expect(await RateLimiter.consume(second, 'a')).toMatchObject({ remaining: 2 })
    await Supervisor.stop(tree)
    expect(RateLimiter.isRunning(second)).toBe(false)
  })

  it('refuses options, refs and messages that are none', async () => {
    expect(await rejection(start({ maxRequests: 0 }))).toMatchObject({ field: 'options.maxRequests' })
    expect(await rejection(start({ trapExit: true }))).toMatchObject({ field: 'options.trapExit' })
    expect(await rejection(RateLimiter.start(undefined as never))).toMatchObject({ field: 'options.maxRequests' })
    const other = await GenServer.start(counter, { system: stage.system })
    expect(await rejection(RateLimiter.check(other as never, 'a'))).toMatchObject({ field: 'ref' })
    const ref = await start()
    expect(await rejection(GenServer.call(ref as never, 'get' as never))).toMatchObject({ field: 'message' })
    expect(RateLimiter.isRunning(ref)).toBe(true)
  })
})

/** Defects of the earlier library, by their numbers in the list. */
describe('defects of the earlier library', () => {
  it('a consume costs the same however much is in the window', async () => {
    const ref = await start({ maxRequests: 1e6, windowMs: 60_000 })
    const limiter = RateLimiter.limiter(ref)
    for (let index = 0; index < 100_000; index++) limiter.take('a')
    // One number a key, whatever it has taken.
    expect(limiter.stats().nativeBytes).toBeLessThan(2048)
  })

  it('1.6: what is refused because of its cost is told when it will not be', async () => {
    const ref = await start({ algorithm: 'sliding-log' })
    await RateLimiter.consume(ref, 'a')
    stage.clock.advanceBy(100)
    await RateLimiter.consume(ref, 'a', 2)
    // Not when the first of it is free, but when all that is missing is.
    expect(await rejection(RateLimiter.consume(ref, 'a', 3))).toMatchObject({ retryAfterMs: 1000 })
    stage.clock.advanceBy(1000)
    expect(await RateLimiter.consume(ref, 'a', 3)).toMatchObject({ allowed: true })
  })

  it('1.6: a cost that can never be met is refused, not put off with 0 ms', async () => {
    const ref = await start()
    for (const cost of [4, -3, NaN, 0.5]) {
      expect(await rejection(RateLimiter.consume(ref, 'a', cost))).toMatchObject({ field: 'cost' })
    }
    expect(await RateLimiter.getStatus(ref, 'a')).toMatchObject({ remaining: 3 })
  })

  it('1.6: a check leaves no key behind, and says what is left also when it is not enough', async () => {
    const ref = await start()
    await RateLimiter.check(ref, 'looked-at')
    await RateLimiter.consume(ref, 'a', 2)
    expect(await RateLimiter.check(ref, 'a', 2)).toMatchObject({ allowed: false, remaining: 1 })
    expect(await RateLimiter.getKeys(ref)).toEqual(['a'])
  })

  it('1.6: a status of a key without quota says when to come back', async () => {
    const ref = await start()
    await RateLimiter.consume(ref, 'a', 3)
    expect(await RateLimiter.getStatus(ref, 'a')).toMatchObject({ allowed: false, retryAfterMs: 1000 })
  })

  it('1.6: keys are forgotten without anybody asking for it', async () => {
    const ref = await start()
    await RateLimiter.consume(ref, 'a')
    await stage.clock.advance(2000)
    expect(await RateLimiter.getKeys(ref)).toEqual([])
  })

  it('a wall clock that jumps changes nothing', async () => {
    const ref = await start()
    await RateLimiter.consume(ref, 'a', 3)
    stage.clock.jumpWallTime(3_600_000)
    expect(await RateLimiter.getStatus(ref, 'a')).toMatchObject({ allowed: false, retryAfterMs: 1000 })
  })
})
