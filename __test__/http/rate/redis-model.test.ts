/**
 * Random programs of the store in Redis against a list of points: the script of a real server, with the time of a test.
 *
 * The client below runs the script as the store sends it, with two commands replaced: `TIME` is the time of the program,
 * and `PEXPIRE` keeps the time at which the key ends, by that clock.
 */
import * as fc from 'fast-check'
import { Redis } from 'ioredis'
import { redisRateLimitStore, type RedisRateLimitStore } from 'keelson/express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { missing, RedisServer } from '../../atrion/provider/redis-server.ts'
import { Reach, runsOf, same, sampleOf } from '../../support/programs.ts'
import { createStage } from '../../support/system.ts'

const OPERATIONS = ['take', 'burst', 'look', 'give', 'reset', 'advance', 'back'] as const

interface Op {
  readonly kind: (typeof OPERATIONS)[number]
  readonly key: 'a' | 'b'
  /** The number of requests, or how much time passes, in 64ths of the window. */
  readonly n: number
  /** The time between two requests of a burst, in microseconds. */
  readonly stepUs: number
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const op: fc.Arbitrary<Op> = fc.record({
  kind: often<Op['kind']>(
    ['take', 15],
    ['burst', 9],
    ['look', 6],
    ['give', 6],
    ['reset', 1],
    ['advance', 15],
    ['back', 2],
  ),
  key: often<Op['key']>(['a', 4], ['b', 1]),
  n: fc.integer({ min: 1, max: 40 }),
  stepUs: fc.oneof(fc.constantFrom(0, 1, 999, 1000), fc.integer({ min: 0, max: 8000 })),
})
interface Program {
  readonly limit: number
  readonly windowMs: number
  /** The number of requests that come first, and the time between two of them in microseconds. */
  readonly first: number
  readonly firstStepUs: number
  readonly ops: readonly Op[]
}

const program: fc.Arbitrary<Program> = fc.record({
  limit: often([1, 1], [3, 2], [20, 1], [150, 2], [300, 4]),
  windowMs: often([1, 1], [40, 2], [1000, 4]),
  first: often([0, 3], [100, 1], [125, 3]),
  firstStepUs: often([1, 1], [300, 3], [5000, 3]),
  ops: fc.array(op, { minLength: 8, maxLength: 22, size: 'max' }),
})

/** The rounding of the script: beyond 128 moments, it counts in so many parts of the window. */
const [EXACT, PARTS] = [128, 64]

/** The points of a key, each by its time in microseconds, and the range of those that count. */
class Points {
  #taken: number[] = []
  /** The last time that was seen: a clock that is set back counts as one that stands. */
  #now = 0
  /** The time in ms, of the server, after which the key is gone. */
  #endMs = Infinity
  isInParts = false
  readonly #windowUs: number
  readonly #partUs: number

  constructor(windowUs: number) {
    this.#windowUs = windowUs
    this.#partUs = Math.floor(windowUs / PARTS)
  }

  /** Moves the key to a time of the server. Returns whether the server had dropped it. */
  at(serverUs: number): boolean {
    const isGone = Math.floor(serverUs / 1000) > this.#endMs
    if (isGone) this.reset()
    this.#now = Math.max(this.#now, serverUs)
    const slackUs = this.isInParts ? this.#partUs : 0
    this.#taken = this.#taken.filter((at) => at + this.#windowUs + slackUs > this.#now)
    if (this.#taken.length === 0) [this.isInParts, this.#now] = [false, serverUs]
    return isGone
  }

  /** Notes that the script has run to its end: it sets anew when the key ends. */
  ran(serverUs: number, resetUs: number): void {
    this.#endMs = Math.floor(serverUs / 1000) + Math.ceil(resetUs / 1000) + 1
  }

  reset(): void {
    this.#taken = []
    this.#now = 0
    this.#endMs = Infinity
    this.isInParts = false
  }

  take(): void {
    const moments = new Set(this.#taken)
    if (moments.size >= EXACT && !moments.has(this.#now)) this.isInParts = true
    this.#taken.push(this.#now)
  }

  give(): void {
    this.#taken.pop()
  }

  /** The least number of points that count, and the most. Without parts, both are the same. */
  get used(): [least: number, most: number] {
    return [this.#taken.filter((at) => at + this.#windowUs > this.#now).length, this.#taken.length]
  }

  /** The time until the key is empty, in microseconds. */
  get resetUs(): number {
    const last = this.#taken.at(-1)
    return last === undefined ? 0 : last + this.#windowUs - this.#now
  }

  /** The time until one more point fits, in microseconds. */
  retryUs(limit: number): number {
    return (this.#taken[this.#taken.length - limit] as number) + this.#windowUs - this.#now
  }
}

const TIME_OF_TEST = `
local real = redis
local ends = real.call('GET', KEYS[1] .. ':ends')
local ms = tonumber(ARGV[5]) * 1000 + math.floor(tonumber(ARGV[6]) / 1000)
if ends and ms > tonumber(ends) then real.call('DEL', KEYS[1]) end
local redis = { call = function(command, key, ...)
  if command == 'TIME' then return { ARGV[5], ARGV[6] } end
  if command ~= 'PEXPIRE' then return real.call(command, key, ...) end
  return real.call('SET', KEYS[1] .. ':ends', string.format('%.0f', ms + tonumber((...))))
end }
`

/** A client as of ioredis, whose server has the time of the test. */
class TimedClient {
  nowUs = 1_700_000_000_000_000
  readonly #redis: Redis
  #script: Promise<string> | undefined

  constructor(redis: Redis) {
    this.#redis = redis
  }

  /** True once the server has the script. */
  get isReady(): boolean {
    return this.#script !== undefined
  }

  async call(command: string, ...args: string[]): Promise<unknown> {
    const time = [String(Math.floor(this.nowUs / 1e6)), String(this.nowUs % 1e6)]
    const [script, , key = '', ...rest] = args as [string, ...string[]]
    if (command === 'DEL') return this.#redis.del(script, `${script}:ends`)
    if (command === 'EVAL') this.#script ??= this.#redis.script('LOAD', TIME_OF_TEST + script) as Promise<string>
    else if (this.#script === undefined) throw new Error('NOSCRIPT No matching script.')
    return this.#redis.evalsha(await (this.#script as Promise<string>), 1, key, ...rest, ...time)
  }

  disconnect(): void {}
}

const reach = new Reach()
afterAll(() => reach.print('the script of Redis'))

/** Runs a program on the store and on lists of points. */
async function run(
  redis: Redis,
  client: TimedClient,
  { limit, windowMs, first, firstStepUs, ops }: Program,
): Promise<void> {
  await redis.flushdb()
  const stage = createStage()
  const store: RedisRateLimitStore = redisRateLimitStore(client, { system: stage.system })
  store.init({ limit, windowMs })
  // The first command of a server sends the script once more, at a later time.
  if (!client.isReady) await store.increment('first')
  const windowUs = windowMs * 1000
  const lists = { a: new Points(windowUs), b: new Points(windowUs) }
  const wallMs = stage.clock.now().wallMs
  const msLeft = (count: { readonly resetTime?: Date | undefined }): number =>
    (count.resetTime as Date).getTime() - wallMs

  /** Sends a request. The answer is compared once it has come; the list takes the point now, if it is certain. */
  const take = async (points: Points, key: string): Promise<void> => {
    const counted = store.increment(key)
    if (points.at(client.nowUs)) reach.fault('the server has dropped a key')
    const [least, most] = points.used
    const { isInParts } = points
    if (!isInParts) {
      const fits = most < limit
      const retryUs = fits ? 0 : points.retryUs(limit)
      if (fits) points.take()
      else reach.fault('refused')
      points.ran(client.nowUs, points.resetUs)
      const ms = Math.ceil((fits ? points.resetUs : retryUs) / 1000)
      const hits = fits ? most + 1 : limit + 1
      const count = await counted
      same([count.totalHits, msLeft(count)], [hits, ms])
      return
    }
    reach.fault('counted in parts')
    const count = await counted
    const isAdmitted = count.totalHits <= limit
    // Never more than the limit in a window, and a point is back at most a part of the window late.
    if (least >= limit) same(isAdmitted, false)
    if (most < limit) same(isAdmitted, true)
    if (isAdmitted) {
      points.take()
      same([count.totalHits > least, count.totalHits <= most + 1], [true, true])
    }
    const left = msLeft(count)
    same([left > 0, left <= Math.ceil((windowUs * (1 + 1 / PARTS)) / 1000)], [true, true])
    points.ran(client.nowUs, points.resetUs)
  }

  const before: Op = { kind: 'burst', key: 'a', n: first, stepUs: firstStepUs }
  for (const { kind, key, n, stepUs } of [before, ...ops]) {
    const points = lists[key]
    if (kind === 'advance') client.nowUs += Math.ceil((n * windowUs) / PARTS)
    else if (kind === 'back') client.nowUs -= Math.ceil((n * windowUs) / PARTS / 4)
    else if (kind === 'reset') {
      await store.resetKey(key)
      points.reset()
    } else if (kind === 'take' || kind === 'burst') {
      const answers: Promise<void>[] = []
      for (let request = 0; request < (kind === 'take' ? 1 + (n % 3) : n); request++) {
        const answer = take(points, key)
        answers.push(answer)
        // In parts, the list learns from the answer.
        if (points.isInParts) await answer
        client.nowUs += kind === 'burst' ? stepUs : 0
      }
      await Promise.all(answers)
    } else {
      if (points.at(client.nowUs)) reach.fault('the server has dropped a key')
      if (kind === 'give') {
        await store.decrement(key)
        points.give()
      }
      const found = await store.get(key)
      if (points.used[1] === 0) points.at(client.nowUs)
      const [least, most] = points.used
      if (!points.isInParts) {
        same(found && [found.totalHits, msLeft(found)], most > 0 ? [most, Math.ceil(points.resetUs / 1000)] : undefined)
      } else {
        const hits = found?.totalHits ?? 0
        same([hits >= least, hits <= most], [true, true])
      }
      points.ran(client.nowUs, points.resetUs)
    }
  }
  same(stage.reported, [])
  await stage.system.close()
}

describe.skipIf(missing !== undefined)(`Redis${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let server: RedisServer
  let redis: Redis
  beforeAll(async () => {
    server = await RedisServer.start()
    redis = new Redis(server.url)
  })
  afterAll(async () => {
    redis.disconnect()
    await server.end()
  })

  it('counts exactly up to 128 moments, then never more than the limit in a window, by a clock that jumps', async () => {
    const client = new TimedClient(redis)
    await fc.assert(
      fc.asyncProperty(program, async (each) => {
        reach.program(each.ops.map(({ kind }) => kind))
        await run(redis, client, each)
      }),
      runsOf('the script of Redis', 60),
    )
  })
})

it('the programs are not short, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(12)
  expect(sample.missing(OPERATIONS.filter((kind) => kind !== 'reset' && kind !== 'back'))).toEqual([])
})
