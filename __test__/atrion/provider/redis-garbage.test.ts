import { Atrion, type AtrionEvent, createSystem, RedisStateProvider } from 'keelson'
import { expect, it, onTestFinished } from 'vitest'

import { array, bulk, FakeRedis } from './fake-redis.ts'
import { good, refused } from '../../support/atrion.ts'
import { until } from './redis-server.ts'

async function underTest(answer: FakeRedis['answer']) {
  const fake = await FakeRedis.start()
  fake.answer = answer
  const system = createSystem({ seed: 1 })
  const events: AtrionEvent[] = []
  const atrion = new Atrion({
    system,
    config: { bootstrapTicks: 0 },
    provider: new RedisStateProvider(fake.url),
    sync: { intervalMs: 10, timeoutMs: 200 },
    observer: (event) => void (event.type.startsWith('provider') && events.push(event)),
  })
  onTestFinished(async () => {
    await system.close()
    await fake.end()
  })
  atrion.route('db', good)
  await atrion.connect()
  return { atrion, events, fake }
}

const lie = (text: string) => (keys: number) => array(Array.from({ length: keys }, () => text))
const state = (scar: unknown) => JSON.stringify({ node: 'x', scar, resistance: 10 })

it.each([
  ['text that is none', lie('nonsense')],
  ['a state that is no JSON', lie('5 0 {"node":')],
  ['a state that is no object', lie('5 0 null')],
  ['a scar that is a text', lie(`5 0 ${state('120')}`)],
  ['a scar beyond all measure', lie(`5 0 ${state(1e300)}`)],
  ['a scar below none', lie(`5 0 ${state(-5)}`)],
  ['a tick beyond all measure', lie(`9007199254740993 0 ${state(120)}`)],
  ['a tick below none', lie(`-5 0 ${state(120)}`)],
  ['a state as long as a book', lie(`5 0 ${state(120)}${' '.repeat(10_000)}`)],
])('passes over %s', async (_, answer) => {
  const { atrion, events, fake } = await underTest(answer)
  await until(() => {
    atrion.route('db', good)
    return fake.evals > 10
  }, 'exchanges')
  expect(events.some(({ type }) => type === 'provider:garbage')).toBe(true)
  expect(atrion.getState('db')).toMatchObject({ resistance: expect.closeTo(10, 3) as number, shared: 0, scarTissue: 0 })
})

it.each([
  ['an error', () => '-ERR no\r\n'],
  ['a number', () => ':5\r\n'],
  ['nothing', () => '$-1\r\n'],
  ['too few answers', () => array([])],
  ['too many answers', (keys: number) => array(Array.from({ length: keys + 1 }, () => '1'))],
  ['what is no protocol', () => 'HTTP/1.1 200 OK\r\n\r\n'],
  ['silence', () => undefined],
])('takes %s for being away, and decides by itself', async (_, answer) => {
  const { atrion, events, fake } = await underTest((keys) => answer(keys))
  await until(() => {
    atrion.route('db', good)
    return atrion.providerState === 'away'
  }, 'away')
  expect(events).toContainEqual(expect.objectContaining({ type: 'provider:away', provider: 'RedisStateProvider' }))
  expect(atrion.route('db', good)).toMatchObject({ allow: true, resistance: expect.closeTo(10, 3) as number })
  fake.answer = lie('1')
  await until(() => atrion.providerState === 'joined', 'back')
})

it('lies about its tick and its scar, for ever, and changes R by no more than the blend', async () => {
  let tick = 0
  const ticks = [1, 2 ** 52, 2, 0, 2 ** 51]
  const { atrion, fake } = await underTest((keys) => lie(`${ticks[tick++ % 5]} 0 ${state(1e9)}`)(keys))
  await until(() => {
    atrion.route('db', good)
    const { resistance, scarTissue } = atrion.getState('db')!
    expect(scarTissue).toBe(0)
    expect(resistance).toBeLessThanOrEqual(10 + 0.3 * 120 + 1e-3)
    return fake.evals > 50
  }, 'exchanges')
  expect(atrion.getState('db')?.shared).toBeGreaterThan(20)
})

it('passes a bulk that is no array for being away', async () => {
  const { atrion } = await underTest(() => bulk('5'))
  await until(() => atrion.providerState === 'away', 'away')
})

it('refuses what is no client and no URL', () => {
  for (const client of ['http://example.com', 'nonsense', '', {}, null, undefined, 5]) {
    expect(() => new RedisStateProvider(client as never)).toThrow(refused('clientOrUrl'))
  }
  const url = 'redis://127.0.0.1:1'
  expect(() => new RedisStateProvider(url, { prefix: '{x}' })).toThrow(refused('options.prefix'))
  expect(() => new RedisStateProvider(url, { prefix: '' })).toThrow(refused('options.prefix'))
  expect(() => new RedisStateProvider(url, { ttlMs: 0 })).toThrow(refused('options.ttlMs'))
  expect(() => new RedisStateProvider(url, { connectTimeoutMs: NaN })).toThrow(refused('options.connectTimeoutMs'))
  expect(() => new RedisStateProvider(url, { ttl: 5 } as never)).toThrow(refused('options.ttl'))
})
