import { describe, expect, it } from 'vitest'

import { bad, bench, hold, refused } from '../support/atrion.ts'

const settled = { config: { bootstrapTicks: 0 }, autoTuner: false as const }
const ended = (outcome: string, scar: number) => expect.objectContaining({ type: 'lease:end', outcome, scar })

describe('a task', () => {
  it('runs under a lease, is heard of, and is released', async () => {
    const { atrion, clock, events } = bench(settled)
    const abortController = new AbortController()
    const lease = await atrion.startTask('genome', { profile: 'EXTREME', abortController })
    expect(atrion.getActiveTaskCount('genome')).toBe(1)
    clock.advanceBy(9000)
    lease.heartbeat({ progress: 0.5, memoryBytes: 1e9, status: 'aligning' })
    expect(lease).toMatchObject({ active: true, progress: 0.5, profile: 'EXTREME', route: 'genome' })
    expect(lease.elapsedMs()).toBe(9000)
    expect(await lease.release()).toBe(true)
    expect(await lease.release('failed')).toBe(false)
    expect(lease).toMatchObject({ active: false, outcome: 'completed' })
    expect(lease.remainingMs()).toBe(0)
    expect(atrion.getActiveTaskCount('genome')).toBe(0)
    expect(clock.getPendingTimerCount()).toBe(0)
    expect(abortController.signal.aborted).toBe(false)
    expect(events.map(({ type }) => type)).toEqual(['lease:start', 'lease:heartbeat', 'lease:end'])
    expect(() => lease.heartbeat()).toThrow(
      expect.objectContaining({ code: 'KEELSON_LEASE_ENDED', outcome: 'completed' }),
    )
  })

  it.each([
    ['completed', 0],
    ['failed', 5],
    ['timeout', 10],
    ['aborted', 0],
  ] as const)('that was %s leaves a scar of %d', async (outcome, scar) => {
    const { atrion, clock, events } = bench(settled)
    const lease = await atrion.startTask('a')
    await lease.release(outcome)
    expect(events.at(-1)).toEqual(ended(outcome, scar))
    expect(atrion.getState('a')?.scarTissue).toBe(scar)
    clock.advanceBy(600_000)
    expect(atrion.getState('a')?.scarTissue).toBeLessThan(1e-9)
  })

  it('scars by its profile', async () => {
    const { atrion, events } = bench(settled)
    for (const profile of ['LIGHT', 'HEAVY']) {
      const lease = await atrion.startTask('a', { profile, abortController: new AbortController() })
      await lease.release('failed')
    }
    expect(events.filter(({ type }) => type === 'lease:end')).toEqual([ended('failed', 10), ended('failed', 2.5)])
  })

  it('ends when its time is over, and is called off', async () => {
    const { atrion, clock, events } = bench(settled)
    const abortController = new AbortController()
    const lease = await atrion.startTask('a', { abortController, timeoutMs: 1000 })
    lease.heartbeat()
    clock.advanceBy(999)
    expect(lease.active).toBe(true)
    clock.advanceBy(1)
    expect(lease.outcome).toBe('timeout')
    expect(abortController.signal.reason).toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 1000 })
    expect(events.at(-1)).toEqual(ended('timeout', 10))
    expect(atrion.getActiveTaskCount('a')).toBe(0)
  })

  it('ends when it is not heard of for three heartbeats', async () => {
    const { atrion, clock } = bench(settled)
    const abortController = new AbortController()
    const lease = await atrion.startTask('a', { profile: 'HEAVY', abortController })
    for (let beat = 0; beat < 10; beat++) {
      clock.advanceBy(14_999)
      lease.heartbeat()
    }
    expect(lease.active).toBe(true)
    clock.advanceBy(14_999)
    expect(lease.active).toBe(true)
    clock.advanceBy(1)
    expect(lease.outcome).toBe('timeout')
    expect(String(abortController.signal.reason)).toContain('heartbeat')
  })

  it('lives while it beats, whatever progress it reports', async () => {
    const { atrion, clock } = bench(settled)
    const lease = await atrion.startTask('a', { timeoutMs: 1000 })
    for (let beat = 0; beat < 100; beat++) {
      clock.advanceBy(999)
      lease.heartbeat(beat % 2 === 0 ? undefined : { progress: 0.1 })
    }
    expect(lease.active).toBe(true)
    clock.advanceBy(1000)
    expect(lease.outcome).toBe('timeout')
  })

  it('that needs progress has its time renewed by it, and not by heartbeats alone or for ever', async () => {
    const { atrion, clock } = bench(settled)
    const lease = await atrion.startTask('a', { timeoutMs: 1000, requireProgress: true })
    clock.advanceBy(900)
    lease.heartbeat({ progress: 0.1 })
    clock.advanceBy(900)
    lease.heartbeat({ progress: 0.1 })
    expect(lease.remainingMs()).toBe(100)
    let progress = 0.1
    let renewals = 0
    while (lease.active && renewals < 100) {
      lease.heartbeat({ progress: (progress += 0.001) })
      clock.advanceBy(500)
      renewals++
    }
    expect(lease.elapsedMs()).toBeLessThanOrEqual(10_500)
    expect(lease.outcome).toBe('timeout')
  })

  it('ends when it is called off, without a scar', async () => {
    const { atrion, clock, events } = bench(settled)
    const abortController = new AbortController()
    const lease = await atrion.startTask('a', { profile: 'HEAVY', abortController })
    abortController.abort(new Error('changed my mind'))
    expect(lease.outcome).toBe('aborted')
    expect(events.at(-1)).toEqual(ended('aborted', 0))
    expect(clock.getPendingTimerCount()).toBe(0)
    await expect(atrion.startTask('a', { abortController })).rejects.toThrow('changed my mind')
    expect(atrion.getActiveTaskCount('a')).toBe(0)
  })

  it('ends with its engine, and with its block', async () => {
    const { atrion, clock } = bench(settled)
    const abortController = new AbortController()
    {
      await using lease = await atrion.startTask('a')
      expect(lease.active).toBe(true)
    }
    expect(atrion.getActiveTaskCount('a')).toBe(0)
    const lease = await atrion.startTask('a', { abortController })
    atrion.close()
    expect(lease.outcome).toBe('aborted')
    expect(abortController.signal.reason).toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('is not begun on a route that is open, below its voltage, or beyond the bound', async () => {
    const under = bench({ ...settled, maxTasks: 2 })
    const { atrion } = under
    hold(under, 'sick', bad, 3)
    await expect(atrion.startTask('sick')).rejects.toMatchObject({ code: 'KEELSON_SHED', reason: 'resistance' })
    await expect(atrion.startTask('a', { priority: 5 })).rejects.toMatchObject({ code: 'KEELSON_SHED' })
    await atrion.startTask('a')
    const second = await atrion.startTask('a')
    await expect(atrion.startTask('a')).rejects.toMatchObject({ code: 'KEELSON_SHED', reason: 'limit' })
    await second.release()
    await atrion.startTask('a')
    expect(atrion.getActiveTaskCount('a')).toBe(2)
  })

  it('leaves no listener on a controller that many tasks share', async () => {
    const { atrion } = bench(settled)
    const abortController = new AbortController()
    let listeners = 0
    const { signal } = abortController
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => void (listeners++, add(...args))
    signal.removeEventListener = (...args: Parameters<typeof remove>) => void (listeners--, remove(...args))
    for (let task = 0; task < 1000; task++) await (await atrion.startTask('a', { abortController })).release()
    expect(listeners).toBe(0)
  })
})

describe('bad input', () => {
  it.each([
    [{ profile: 'HEAVY' }, 'options.abortController'],
    [{ profile: 'EXTREME' }, 'options.abortController'],
    [{ abortController: {} }, 'options.abortController'],
    [{ profile: 'NONE' }, 'options.profile'],
    [{ profile: {} }, 'options.profile'],
    [{ timeoutMs: 0 }, 'options.timeoutMs'],
    [{ heartbeatMs: NaN }, 'options.heartbeatMs'],
    [{ priority: 'vip' }, 'options.priority'],
    [{ timeOut: 5 }, 'options.timeOut'],
    [{ requireProgress: 1 }, 'options.requireProgress'],
    [5, 'options'],
  ])('refuses a task with %j', async (options, field) => {
    const { atrion, clock } = bench()
    await expect(atrion.startTask('a', options as never)).rejects.toEqual(refused(field))
    expect([atrion.getActiveTaskCount('a'), clock.getPendingTimerCount()]).toEqual([0, 0])
  })

  it.each([
    [{ progress: 1.5 }, 'heartbeat.progress'],
    [{ progress: NaN }, 'heartbeat.progress'],
    [{ memoryBytes: -1 }, 'heartbeat.memoryBytes'],
    [{ status: 5 }, 'heartbeat.status'],
    [{ prog: 1 }, 'heartbeat.prog'],
  ])('refuses the heartbeat %j, which then renews nothing', async (heartbeat, field) => {
    const { atrion, clock } = bench()
    const lease = await atrion.startTask('a')
    clock.advanceBy(1000)
    expect(() => lease.heartbeat(heartbeat as never)).toThrow(refused(field))
    expect(lease.remainingMs()).toBe(29_000)
    await expect(lease.release('done' as never)).rejects.toEqual(refused('outcome'))
    expect(lease.active).toBe(true)
  })
})
