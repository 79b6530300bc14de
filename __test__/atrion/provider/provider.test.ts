import {
  Atrion,
  createControlledClock,
  createSystem,
  InMemoryProvider,
  type ProviderAnswer,
  type StateProvider,
} from 'keelson'
import { describe, expect, it, onTestFinished } from 'vitest'

import { bad, bench, good, refused } from '../../support/atrion.ts'
import { systemWith } from '../../support/system.ts'

const settled = { config: { bootstrapTicks: 0, decayRate: 0.001, healRate: 0 }, autoTuner: false as const }

/** Engines on one clock that share through one provider. */
function cluster(nodes: string[], provider?: StateProvider, sync: object = {}) {
  const clock = createControlledClock()
  const shared = provider ?? new InMemoryProvider({ clock })
  const events: { node: string; type: string }[] = []
  const engines = nodes.map((node, seed) => {
    const system = createSystem({ clock, seed, onError: (error) => events.push({ node, type: String(error) }) })
    onTestFinished(() => system.close())
    return new Atrion({
      system,
      provider: shared,
      sync: { node, ...sync },
      observer: ({ type }) => void (type.startsWith('provider') && events.push({ node, type })),
      ...settled,
    })
  })
  return { clock, engines, events, provider: shared }
}

const scar = (atrion: Atrion, route: string) => atrion.getState(route)?.scarTissue as number
const shared = (atrion: Atrion, route: string) => atrion.getState(route)?.shared as number

describe('two engines', () => {
  it('share a route: the one that saw nothing leans towards the one that did, by the blend', async () => {
    const { clock, engines } = cluster(['a', 'b'])
    const [a, b] = engines as [Atrion, Atrion]
    await Promise.all(engines.map((engine) => engine.connect()))
    expect([a.providerName, a.providerState]).toEqual(['InMemoryProvider', 'joined'])
    for (let report = 0; report < 30; report++) {
      a.route('db', bad)
      b.route('db', good)
      await clock.advance(100)
    }
    expect(scar(a, 'db')).toBeGreaterThan(100)
    expect(scar(b, 'db')).toBe(0)
    expect(shared(b, 'db') / scar(a, 'db')).toBeCloseTo(0.3, 1)
    // The other way round: the one in trouble is told that another is well.
    expect(shared(a, 'db')).toBeLessThan(-20)
    // What was told loses its weight, and R is what each saw itself.
    await Promise.all(engines.map((engine) => engine.disconnect()))
    await clock.advance(200_000)
    expect(Math.abs(shared(b, 'db'))).toBeLessThan(0.05)
    expect(Math.abs(shared(a, 'db'))).toBeLessThan(0.05)
  })

  it('never wait for it, and exchange at most once an interval', async () => {
    let exchanges = 0
    const clock = createControlledClock()
    const inner = new InMemoryProvider({ clock })
    const counting: StateProvider = {
      name: 'counting',
      maxBatch: 100,
      connect: () => inner.connect(),
      exchange: (offers) => (exchanges++, inner.exchange(offers)),
      reset: () => {},
      disconnect: () => inner.disconnect(),
    }
    const { atrion, clock: own } = bench({ ...settled, provider: counting, sync: { intervalMs: 100 } })
    await atrion.connect()
    for (let call = 0; call < 10_000; call++) {
      atrion.route(`r${call % 50}`, good)
      if (call % 100 === 0) await own.advance(10)
    }
    expect(exchanges).toBeLessThanOrEqual(15)
    expect(inner.size).toBe(50)
  })

  it('exchange in batches, and forget what is not used any more', async () => {
    const sizes: number[] = []
    const clock = createControlledClock()
    const inner = new InMemoryProvider({ clock })
    const { atrion, clock: own } = bench({
      ...settled,
      provider: Object.assign(Object.create(inner) as StateProvider, {
        name: 'batches',
        maxBatch: 10,
        connect: async () => {},
        exchange: (offers: never[]) => (sizes.push(offers.length), inner.exchange(offers)),
        reset: () => {},
        disconnect: async () => {},
      }),
    })
    await atrion.connect()
    for (let route = 0; route < 25; route++) atrion.route(`r${route}`, good)
    await own.advance(125)
    expect(sizes).toEqual([0, 10, 10, 5])
    sizes.length = 0
    await own.advance(70_000)
    expect(sizes.at(-1)).toBe(0)
  })
})

describe('a write', () => {
  it('that has not seen the newest state is refused, and told what it is', async () => {
    const clock = createControlledClock()
    const provider = new InMemoryProvider({ clock, maxRoutes: 2 })
    const state = (node: string) => ({ node, scar: 1, resistance: 11 })
    const write = async (route: string, seen: number, node: string) =>
      (await provider.exchange([{ route, seen, state: state(node) }]))[0] as ProviderAnswer
    expect(await write('r', 0, 'a')).toEqual({ tick: 1, stored: undefined })
    clock.advanceBy(5)
    expect(await write('r', 0, 'b')).toEqual({ tick: 1, stored: { state: state('a'), ageMs: 5 } })
    expect(await write('r', 1, 'b')).toEqual({ tick: 2, stored: undefined })
    expect(await write('r', 1, 'a')).toMatchObject({ tick: 2, stored: { state: { node: 'b' } } })
    await write('s', 0, 'a')
    await write('t', 0, 'a')
    expect(provider.size).toBe(2)
  })
})

/** A provider that answers whatever it is told to. */
function scripted(exchange: StateProvider['exchange']): StateProvider & { resets: number } {
  return {
    name: 'scripted',
    maxBatch: 100,
    resets: 0,
    connect: async () => {},
    exchange,
    reset() {
      this.resets++
    },
    disconnect: async () => {},
  }
}

describe('a provider that fails', () => {
  it('is away, which is said once, and is tried again with longer pauses', async () => {
    let up = false
    let exchanges = 0
    const provider = scripted(async (offers) => {
      exchanges++
      if (!up) throw new Error('refused')
      return offers.map(() => ({ tick: 1, stored: undefined }))
    })
    const { clock, engines, events } = cluster(['a'], provider)
    const [a] = engines as [Atrion]
    await a.connect()
    expect(a.providerState).toBe('away')
    expect(a.route('db', good).allow).toBe(true)
    await clock.advance(60_000)
    expect(exchanges).toBeLessThan(30)
    expect(events).toEqual([{ node: 'a', type: 'provider:away' }])
    up = true
    await clock.advance(5000)
    expect(a.providerState).toBe('joined')
    up = false
    await clock.advance(1000)
    expect(events.map(({ type }) => type)).toEqual(['provider:away', 'provider:joined', 'provider:away'])
  })

  it('tells the system where nobody observes', async () => {
    const reported: unknown[] = []
    const { clock, system } = systemWith((error) => reported.push(error))
    const atrion = new Atrion({ system, provider: scripted(() => Promise.reject(new Error('refused'))) })
    await atrion.connect()
    await clock.advance(60_000)
    expect(reported).toHaveLength(1)
    await system.close()
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('and hangs is given up in time; what it says later is dropped', async () => {
    let answer: (answers: readonly ProviderAnswer[]) => void = () => {}
    const provider = scripted(() => new Promise((resolve) => (answer = resolve)))
    const { clock, engines } = cluster(['a'], provider)
    const [a] = engines as [Atrion]
    a.route('db', good)
    const connecting = a.connect()
    a.route('db', good)
    await clock.advance(999)
    expect(a.providerState).toBe('joining')
    await clock.advance(1)
    await connecting
    expect([a.providerState, provider.resets]).toEqual(['away', 1])
    answer([{ tick: 1, stored: { state: { node: 'x', scar: 100, resistance: 100 }, ageMs: 0 } }])
    await clock.advance(1)
    expect(shared(a, 'db')).toBe(0)
    a.close()
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('is no provider without its methods', () => {
    for (const provider of [{}, 5, null, { connect() {}, exchange() {} }]) {
      expect(() => new Atrion({ provider: provider as never })).toThrow(refused('options.provider'))
    }
  })
})

describe('a provider that lies', () => {
  it.each([
    ['of a scar beyond all measure', { state: { node: 'x', scar: 1e9, resistance: 1 }, ageMs: 0 }],
    ['of a scar below none', { state: { node: 'x', scar: -1e9, resistance: 1 }, ageMs: 0 }],
    ['of a scar that is no number', { state: { node: 'x', scar: NaN, resistance: 1 }, ageMs: 0 }],
    ['of an age before its time', { state: { node: 'x', scar: 120, resistance: 1 }, ageMs: -1e12 }],
  ])('%s changes R by no more than its blend', async (_, stored) => {
    let tick = 1
    // Ticks that jump, go back, and stay: whatever it says of them, again and again.
    const ticks = [1, 2 ** 52, 3, 0, 2 ** 51, 7]
    const provider = scripted(async (offers) => offers.map(() => ({ tick: ticks[tick++ % 6] as number, stored })))
    const { clock, engines } = cluster(['a'], provider)
    const [a] = engines as [Atrion]
    await a.connect()
    for (let report = 0; report < 300; report++) {
      a.route('db', good)
      await clock.advance(100)
      const { resistance, scarTissue } = a.getState('db')!
      expect(scarTissue).toBe(0)
      expect(resistance).toBeLessThanOrEqual(10 + 0.3 * 120 + 1e-3)
      expect(resistance).toBeGreaterThanOrEqual(10)
    }
  })
})

describe('bad input', () => {
  it.each([
    [{ blend: 1.5 }, 'options.sync.blend'],
    [{ blend: NaN }, 'options.sync.blend'],
    [{ intervalMs: 0 }, 'options.sync.intervalMs'],
    [{ timeoutMs: -1 }, 'options.sync.timeoutMs'],
    [{ maxAgeMs: NaN }, 'options.sync.maxAgeMs'],
    [{ node: '' }, 'options.sync.node'],
    [{ node: 'x'.repeat(65) }, 'options.sync.node'],
    [{ interval: 5 }, 'options.sync.interval'],
    [5, 'options.sync'],
  ])('refuses sync %j', (sync, field) => {
    expect(() => new Atrion({ sync: sync as never })).toThrow(refused(field))
  })

  it('refuses options of a provider in memory', () => {
    expect(() => new InMemoryProvider({ maxRoutes: 0 })).toThrow(refused('options.maxRoutes'))
    expect(() => new InMemoryProvider({ clock: {} as never })).toThrow(refused('options.clock'))
    expect(() => new InMemoryProvider({ max: 5 } as never)).toThrow(refused('options.max'))
  })
})
