import { type CircuitBreaker, circuitBreaker, type CircuitBreakerOptions, timeout, wrap } from 'keelson/effect'
import { createControlledClock } from 'keelson/clock'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { boom, failing, forever, useWorld } from '../../support/policies.ts'
import { held } from '../../support/promises.ts'
import { rejection } from '../../support/rejection.ts'

const world = useWorld()
const aBreaker = (options: CircuitBreakerOptions = {}): CircuitBreaker =>
  circuitBreaker({ system: world.system, ...options })
const ok = (): Promise<number> => Promise.resolve(1)
/** Makes calls by a string: `+` succeeds, `-` fails; gives `x` for each that was refused, else what happened. */
async function calls(breaker: CircuitBreaker, plan: string): Promise<string> {
  let seen = ''
  for (const one of plan) {
    const error = await rejection(breaker.execute(one === '+' ? ok : failing))
    seen += (error as { code?: string }).code === 'KEELSON_CIRCUIT_OPEN' ? 'x' : error === boom ? '-' : '+'
  }
  return seen
}
const told = (breaker: CircuitBreaker): string[] => {
  const all: string[] = []
  for (const event of ['open', 'halfOpen', 'close', 'isolate'] as const) breaker.on(event, () => all.push(event))
  return all
}

describe('a circuit breaker', () => {
  it('opens after failures in a row, refuses at once, half opens after its time, closes after a success', async () => {
    const breaker = aBreaker({ consecutive: 3, openForMs: 1000 })
    const events = told(breaker)
    expect(await calls(breaker, '--+---+')).toBe('--+---x')
    expect([breaker.state, events]).toEqual(['open', ['open']])
    await world.clock.advance(999)
    expect(await calls(breaker, '+')).toBe('x')
    await world.clock.advance(1)
    expect(breaker.state).toBe('halfOpen')
    expect(await calls(breaker, '+')).toBe('+')
    expect([breaker.state, events]).toEqual(['closed', ['open', 'halfOpen', 'close']])
    expect(breaker.stats).toEqual({ state: 'closed', succeeded: 2, failed: 5, rejected: 2, ignored: 0, opens: 0 })
  })

  it('says in its refusal why and when', async () => {
    const breaker = aBreaker({ name: 'db', consecutive: 1, openForMs: 1000 })
    await calls(breaker, '-')
    await world.clock.advance(400)
    const refusal = (await rejection(breaker.execute(ok))) as Error
    expect(refusal).toMatchObject({ code: 'KEELSON_CIRCUIT_OPEN', policy: 'db', reason: 'open', retryAfterMs: 600 })
    expect(refusal.message).toBe('db is open, ask again in 600 ms')
    breaker.isolate()
    expect(await rejection(breaker.execute(ok))).toMatchObject({ reason: 'isolated', retryAfterMs: undefined })
  })

  it('looks at a share of the last calls, with a minimum', async () => {
    const breaker = aBreaker({ failureRatio: 0.5, calls: 4, minimumCalls: 4 })
    expect(await calls(breaker, '---')).toBe('---')
    expect(breaker.state).toBe('closed')
    expect(await calls(breaker, '-+')).toBe('-x')
    const sliding = aBreaker({ failureRatio: 0.75, calls: 4, minimumCalls: 4 })
    expect(await calls(sliding, '--++--++---+')).toBe('--++--++---x')
  })

  it('looks at a share of the calls of a while, which passes', async () => {
    const breaker = aBreaker({ failureRatio: 0.5, windowMs: 1000, minimumCalls: 4 })
    expect(await calls(breaker, '---')).toBe('---')
    await world.clock.advance(1100)
    expect(await calls(breaker, '-++')).toBe('-++')
    expect(breaker.state).toBe('closed')
    expect(await calls(breaker, '-')).toBe('-')
    expect(breaker.state).toBe('open')
  })

  it('counts calls that are too slow, values that are failures, and not what is no failure', async () => {
    const slow = aBreaker({ consecutive: 1, slowAfterMs: 100 })
    const call = (ms: number): Promise<number> => slow.execute(() => world.clock.sleep(ms).then(() => 7))
    const fine = call(100)
    await world.clock.advance(100)
    expect([await fine, slow.state]).toEqual([7, 'closed'])
    const late = call(101)
    await world.clock.advance(101)
    expect([await late, slow.state]).toEqual([7, 'open'])
    const results = aBreaker({ consecutive: 1, isFailureResult: (value) => value === 500 })
    expect([await results.execute(() => 500), results.state]).toEqual([500, 'open'])
    const picky = aBreaker({ consecutive: 2, isFailure: (error) => error !== boom })
    expect(await calls(picky, '-----')).toBe('-----')
    const inner = aBreaker({ consecutive: 1 })
    const outer = aBreaker({ consecutive: 1 })
    inner.isolate()
    await rejection(wrap(outer, inner).execute(ok))
    expect([outer.state, outer.stats.ignored]).toEqual(['closed', 1])
  })

  it('stays open longer each time in a row, up to a bound, spread by the seed', async () => {
    const breaker = aBreaker({ consecutive: 1, openForMs: { initialMs: 100, factor: 3, maxMs: 500 } })
    const openFor: number[] = []
    breaker.on('open', (event) => openFor.push(event.openForMs))
    await calls(breaker, '-')
    for (let time = 0; time < 3; time++) {
      await world.clock.advance(openFor.at(-1) as number)
      await calls(breaker, '-')
    }
    await world.clock.advance(500)
    await calls(breaker, '+-')
    expect(openFor).toEqual([100, 300, 500, 500, 100])
    const jittered = aBreaker({ consecutive: 1, openForMs: { initialMs: 100, jitter: 0.5 } })
    jittered.on('open', (event) => openFor.push(event.openForMs))
    await calls(jittered, '-')
    expect(openFor.at(-1)).toBeGreaterThanOrEqual(50)
    expect(openFor.at(-1)).toBeLessThan(100)
  })

  it('asks for several successes, and stands several failures, when told to', async () => {
    const breaker = aBreaker({
      consecutive: 1,
      openForMs: 10,
      halfOpen: { probes: 5, successes: 3, failures: 2 },
    })
    await calls(breaker, '-')
    await world.clock.advance(10)
    await calls(breaker, '++-')
    expect(breaker.state).toBe('halfOpen')
    await calls(breaker, '+')
    expect(breaker.state).toBe('closed')
    await calls(breaker, '-')
    await world.clock.advance(10)
    await calls(breaker, '+--')
    expect(breaker.state).toBe('open')
  })

  it('counts a call that a timeout around it gave up, although it never ends; not one that its caller gave up', async () => {
    const breaker = aBreaker({ consecutive: 1 })
    const call = rejection(wrap(timeout(50, { system: world.system }), breaker).execute(forever))
    await world.clock.advance(50)
    await call
    expect(breaker.state).toBe('open')
    const calm = aBreaker({ consecutive: 1 })
    const controller = new AbortController()
    const wish = rejection(calm.execute(forever, { signal: controller.signal }))
    controller.abort('enough')
    expect([await wish, calm.state, calm.stats.ignored]).toEqual(['enough', 'closed', 1])
  })

  it('is isolated and reset by hand', async () => {
    const breaker = aBreaker({ consecutive: 1, openForMs: 10 })
    const events = told(breaker)
    breaker.isolate()
    breaker.isolate()
    await world.clock.advance(1e6)
    expect([await calls(breaker, '+'), breaker.state]).toEqual(['x', 'isolated'])
    breaker.reset()
    expect(await calls(breaker, '+-+')).toBe('+-x')
    breaker.reset()
    expect([await calls(breaker, '+'), events]).toEqual(['+', ['isolate', 'close', 'open', 'close']])
  })

  it('takes a listener that changes it in the middle of a change', async () => {
    const breaker = aBreaker({ consecutive: 1, openForMs: 10 })
    breaker.on('halfOpen', () => breaker.isolate())
    await calls(breaker, '-')
    await world.clock.advance(10)
    expect([await calls(breaker, '+'), breaker.state]).toEqual(['x', 'isolated'])
  })
})

describe('probes', () => {
  it('are bounded, and come back', async () => {
    const breaker = aBreaker({ consecutive: 1, openForMs: 10, halfOpen: { probes: 2, successes: 2 } })
    await calls(breaker, '-')
    await world.clock.advance(10)
    const { task, resolve, begun } = held()
    const all = Array.from({ length: 50 }, () => rejection(breaker.execute(task)))
    expect(begun()).toBe(2)
    expect(await all[2]).toMatchObject({ reason: 'probing', retryAfterMs: 30_000 })
    resolve(1)
    await Promise.all(all)
    expect(breaker.state).toBe('closed')
  })

  it('do not hold it half open for ever: one that never settles has failed at its deadline', async () => {
    const breaker = aBreaker({ consecutive: 1, openForMs: 100, halfOpen: { timeoutMs: 1000 } })
    const events = told(breaker)
    await calls(breaker, '-')
    await world.clock.advance(100)
    const stuck = held()
    void breaker.execute(stuck.task)
    await world.clock.advance(999)
    expect(await calls(breaker, '+')).toBe('x')
    await world.clock.advance(1)
    // Open again from the probe's deadline on, for its time.
    expect(await calls(breaker, '+')).toBe('x')
    expect(events).toEqual(['open', 'halfOpen', 'open'])
    await world.clock.advance(100)
    expect(await calls(breaker, '+')).toBe('+')
    expect(breaker.state).toBe('closed')
    // The stuck one comes back, and says nothing any more.
    stuck.resolve(1)
    await world.clock.flush()
    expect(events).toEqual(['open', 'halfOpen', 'open', 'halfOpen', 'close'])
  })

  it('free their place when their caller gives them up', async () => {
    const breaker = aBreaker({ consecutive: 1, openForMs: 10 })
    await calls(breaker, '-')
    await world.clock.advance(10)
    const controller = new AbortController()
    const probe = rejection(breaker.execute(forever, { signal: controller.signal }))
    expect(await calls(breaker, '+')).toBe('x')
    controller.abort('enough')
    expect([await probe, await calls(breaker, '+'), breaker.state]).toEqual(['enough', '+', 'closed'])
  })

  it('are all that counts: what was begun before it opened says nothing', async () => {
    const breaker = aBreaker({ consecutive: 2, openForMs: 10 })
    const early = held()
    const late = rejection(breaker.execute(early.task))
    await calls(breaker, '--')
    await world.clock.advance(10)
    const probe = held()
    const probing = breaker.execute(probe.task)
    early.reject(boom)
    await late
    expect(breaker.state).toBe('halfOpen')
    probe.resolve(1)
    await probing
    expect(breaker.state).toBe('closed')
  })
})

describe('a saved breaker', () => {
  const kinds: Record<string, CircuitBreakerOptions> = {
    consecutive: { consecutive: 3 },
    calls: { failureRatio: 0.5, calls: 6, minimumCalls: 6 },
    window: { failureRatio: 0.5, windowMs: 10_000, minimumCalls: 6 },
  }
  it.each(Object.entries(kinds))('goes on where it was, by evidence of %s', async (_kind, options) => {
    const one = aBreaker(options)
    await calls(one, '+++--')
    const saved = JSON.parse(JSON.stringify(one))
    const other = aBreaker({ ...options, state: saved })
    expect(other.state).toBe('closed')
    expect([await calls(other, '-+'), await calls(one, '-+')]).toEqual(['-x', '-x'])
    expect(JSON.parse(JSON.stringify(other))).toMatchObject({ state: 'open', opens: 1 })
  })

  it('keeps its time across processes, by wall time', async () => {
    const one = aBreaker({ consecutive: 1, openForMs: 1000 })
    await calls(one, '-')
    await world.clock.advance(300)
    const saved = JSON.parse(JSON.stringify(one))
    const clock = createControlledClock({ initialTime: 500 })
    const system = createSystem({ clock })
    const other = circuitBreaker({ system, consecutive: 1, state: saved })
    await clock.advance(499)
    expect(other.state).toBe('open')
    await clock.advance(1)
    expect(other.state).toBe('halfOpen')
    // A clock that is wrong by a year keeps it open no longer than it was to be.
    const wrong = createControlledClock({ initialTime: -365 * 24 * 3_600_000 })
    const backward = circuitBreaker({ system: createSystem({ clock: wrong }), state: saved })
    await wrong.advance(1000)
    expect(backward.state).toBe('halfOpen')
    await system.close()
  })

  it('ages its window by the time that passed between', async () => {
    const options: CircuitBreakerOptions = { failureRatio: 0.5, windowMs: 1000, minimumCalls: 3 }
    const one = aBreaker(options)
    await calls(one, '--')
    const saved = JSON.parse(JSON.stringify(one))
    const soon = aBreaker(options)
    const later = aBreaker(options)
    soon.restore(saved)
    await calls(soon, '-')
    await world.clock.advance(1100)
    later.restore(saved)
    await calls(later, '-')
    expect([soon.stats.opens, later.state]).toEqual([1, 'closed'])
  })

  it('is isolated still, and does not hand on probes', async () => {
    const one = aBreaker({ consecutive: 1, openForMs: 10 })
    one.isolate()
    expect(aBreaker({ state: one.toJSON() }).state).toBe('isolated')
    one.reset()
    await calls(one, '-')
    await world.clock.advance(10)
    void one.execute(forever)
    const other = aBreaker({ consecutive: 1, state: one.toJSON() })
    expect([await calls(other, '+'), other.state]).toEqual(['+', 'closed'])
  })
})
