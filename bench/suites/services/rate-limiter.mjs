// Rate limiters: what a decision costs among 10 000 keys, against the memory store of rate-limiter-flexible; what a
// refusal costs; and what a key takes of the core's memory. Both sides count whom they let in.
import { fileURLToPath } from 'node:url'

import { TokenBucket } from 'limiter'
import { isRateLimitExceededError, RateLimiter } from 'keelson/otp'
import { RateLimiterMemory } from 'rate-limiter-flexible'

import { shuffled } from '../../lib/random.mjs'

const population = 10_000
const calls = 100_000
const plenty = 1e9
const windowMs = 3_600_000

/** Each key ten times, in an order that repeats from run to run. */
const keys = shuffled(calls, 11).map((number) => `user:${number % population}`)

/** Fails when a side has not let in as many as it should. */
function expecting(expected, counted) {
  if (counted !== expected) throw new Error(`let in ${counted} of ${expected}`)
}

const lazily = (make) => {
  let made
  return () => (made ??= make())
}

/** Ours and theirs with this limit; every key is known and has been counted once. */
const ours = (maxRequests, algorithm) =>
  lazily(async () => {
    const ref = await RateLimiter.start({ maxRequests, windowMs, algorithm })
    for (const key of keys) RateLimiter.limiter(ref).take(key)
    return ref
  })
const theirs = (points) =>
  lazily(async () => {
    const limiter = new RateLimiterMemory({ points, duration: windowMs / 1000 })
    for (const key of keys) await limiter.consume(key).catch(() => {})
    return limiter
  })

const [open, shut] = [ours(plenty), ours(1)]
const [theirOpen, theirShut] = [theirs(plenty), theirs(1)]

const awaited = (expected, ask) => async (limiter) => {
  let allowed = 0
  for (const key of keys) if (await ask(limiter, key)) allowed += 1
  expecting(expected, allowed)
}

const taken = (expected) => (ref) => {
  const limiter = RateLimiter.limiter(ref)
  let allowed = 0
  for (const key of keys) if (limiter.take(key).allowed) allowed += 1
  expecting(expected, allowed)
}

/** The same, of one key again and again. */
const repeated = (expected) => (ref) => {
  const limiter = RateLimiter.limiter(ref)
  let allowed = 0
  for (let call = 0; call < calls; call += 1) if (limiter.take('user:1').allowed) allowed += 1
  expecting(expected, allowed)
}

const refusable = (ask, isRefusal) => async (limiter, key) => {
  try {
    await ask(limiter, key)
    return true
  } catch (error) {
    if (!isRefusal(error)) throw error
    return false
  }
}
const consume = (ref, key) => RateLimiter.consume(ref, key)
const theirConsume = (limiter, key) => limiter.consume(key)

const theirRefusal = (answer) => answer.msBeforeNext > 0

const consumed = awaited(calls, refusable(consume, isRateLimitExceededError))
const theirConsumed = awaited(calls, refusable(theirConsume, theirRefusal))
const theirRefused = awaited(0, refusable(theirConsume, theirRefusal))
const flexible = 'rate-limiter-flexible, memory'

const against = (name, setup, run, theirSetup, theirRun, bar) => ({
  name,
  unit: 'ns/op',
  iterations: calls,
  ours: { setup, run },
  peer: { name: flexible, fn: { setup: theirSetup, run: theirRun } },
  ...(bar && { bar }),
})

const program = fileURLToPath(new URL('rate-limiter-memory.mjs', import.meta.url))

/** Bytes per key, measured in a process of its own. */
const memory = (name, side, count, read, bar, takes = 1) => ({
  name,
  unit: 'bytes',
  rounds: 3,
  read,
  paired: {
    ours: { file: program, args: [side, String(count), String(takes)] },
    ...(bar.ratio && { peer: { file: program, args: ['rate-limiter-flexible', String(count)], name: flexible } }),
  },
  bar,
})

export const cases = [
  against(
    'RateLimiter.check, awaited, 10,000 keys',
    open,
    awaited(calls, async (ref, key) => (await RateLimiter.check(ref, key)).allowed),
    theirOpen,
    awaited(calls, async (limiter, key) => (await limiter.get(key)).remainingPoints > 0),
    { ratio: 1 },
  ),
  against('RateLimiter.consume, awaited, 10,000 keys', open, consumed, theirOpen, theirConsumed, { ratio: 1 }),
  against('Limiter.take, 10,000 keys', open, taken(calls), theirOpen, theirConsumed, { ratio: 1 }),
  against('Limiter.take, GCRA', ours(plenty, 'gcra'), taken(calls), theirOpen, theirConsumed),
  against('Limiter.take, exact log', ours(100_000, 'sliding-log'), taken(calls), theirOpen, theirConsumed),
  against('Limiter.take, counter', ours(plenty, 'sliding-counter'), taken(calls), theirOpen, theirConsumed),
  against('a rejection by Limiter.take, 10,000 keys', shut, taken(0), theirShut, theirRefused, { value: 300 }),
  against('a rejection by Limiter.take, one key', shut, repeated(0), theirShut, theirRefused, { value: 300 }),
  against(
    'a rejection by RateLimiter.consume, which is an error with its stack',
    shut,
    awaited(0, refusable(consume, isRateLimitExceededError)),
    theirShut,
    theirRefused,
  ),
  {
    name: 'a take of one key',
    unit: 'ns/op',
    iterations: calls,
    ours: { setup: open, run: repeated(calls) },
    peer: {
      name: "limiter's TokenBucket, which has no keys",
      fn: {
        setup: () => {
          const bucket = new TokenBucket({ bucketSize: plenty, tokensPerInterval: plenty, interval: windowMs })
          bucket.content = plenty
          return bucket
        },
        run: (bucket) => {
          let allowed = 0
          for (let call = 0; call < calls; call += 1) if (bucket.tryRemoveTokens(1)) allowed += 1
          expecting(calls, allowed)
        },
      },
    },
  },
  memory('native bytes a key, 10,000 keys', 'gcra', 10_000, ({ native }) => native, { value: 64 }),
  memory('native bytes a key, 1,000,000 keys', 'gcra', 1_000_000, ({ native }) => native, { value: 64 }),
  memory('native bytes a key, counter', 'sliding-counter', 1_000_000, ({ native }) => native, { value: 64 }),
  memory('native bytes a key, sliding window', 'sliding-window', 100_000, ({ native }) => native, { value: 256 }),
  memory(
    'native bytes a busy key, sliding window',
    'sliding-window',
    2000,
    ({ native }) => native,
    { value: 3072 },
    150,
  ),
  memory('all that a key takes, 100,000 keys', 'gcra', 100_000, ({ resident }) => resident, { ratio: 1 }),
]
