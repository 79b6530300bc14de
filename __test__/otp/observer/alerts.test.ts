import { AlertManager, type AlertEvent, GenServer, type GenServerStats, Observer } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()

const statsOf = (id: string, queueSize: number): GenServerStats[] => [
  {
    id,
    kind: 'GenServer',
    status: 'running',
    queueSize,
    messageCount: 0,
    startedAt: 0,
    uptimeMs: 0,
    stateMemoryBytes: 0,
  },
]
const check = (id: string, ...sizes: number[]): void => {
  for (const size of sizes) AlertManager.checkAlerts(statsOf(id, size), stage.system)
}
const times = (count: number, size: number): number[] => Array<number>(count).fill(size)

function follow(): AlertEvent[] {
  const events: AlertEvent[] = []
  AlertManager.subscribe((event) => events.push(event), stage.system)
  return events
}

describe('AlertManager', () => {
  it('raises an alert above the mean and two deviations of earlier samples, and resolves it below', () => {
    const { clock, system } = stage
    const events = follow()
    check('p', ...times(15, 8), ...times(15, 12))
    const { mean, sampleCount, stddev, threshold } = AlertManager.getProcessStatistics('p', system) ?? {}
    expect(mean).toBeCloseTo(10)
    expect(sampleCount).toBe(30)
    expect(stddev).toBeCloseTo(Math.sqrt(120 / 29))
    expect(threshold).toBeCloseTo(10 + 2 * Math.sqrt(120 / 29))
    expect(AlertManager.getThreshold('p', system)).toBe(threshold)
    check('p', 14)
    expect(events).toEqual([])
    check('p', 100)
    const alert = AlertManager.getAlertForProcess('p', system)
    expect(alert).toMatchObject({ type: 'high_queue_size', processId: 'p', currentValue: 100 })
    expect(alert?.timestamp).toBe(clock.now().wallMs)
    expect(alert?.message).toContain('Queue size exceeded threshold: 100 > 14')
    expect(Observer.getActiveAlerts(system)).toEqual([alert])
    check('p', 5)
    expect(events).toEqual([
      { type: 'alert_triggered', alert },
      { type: 'alert_resolved', alertId: alert?.id, processId: 'p' },
    ])
    expect(AlertManager.getActiveAlerts(system)).toEqual([])
  })

  it('D19: raises none for the first messages of a process that was idle', () => {
    const events = follow()
    check('p', ...times(200, 0), 1, 2)
    expect(events).toEqual([])
    check('p', 3)
    expect(events).toMatchObject([{ type: 'alert_triggered' }])
  })

  it('raises none before there are enough samples, while it is off, or twice within the cool-down', async () => {
    const { clock, system } = stage
    const events = follow()
    check('p', ...times(29, 0), 50)
    expect(AlertManager.getThreshold('q', system)).toBe(Infinity)
    AlertManager.configure({ enabled: false }, system)
    check('p', 5000)
    expect(AlertManager.triggerAlert('high_memory', 'p', 1, system)).toBeUndefined()
    AlertManager.configure({ enabled: true, cooldownMs: 1000 }, system)
    expect(events).toEqual([])
    check('p', 5000, 0, 5000)
    expect(events.map(({ type }) => type)).toEqual(['alert_triggered', 'alert_resolved'])
    await clock.advance(1000)
    check('p', 50_000)
    expect(events.map(({ type }) => type)).toEqual(['alert_triggered', 'alert_resolved', 'alert_triggered'])
  })

  it('forgets old samples by and by, in constant memory', () => {
    const { system } = stage
    check('p', ...times(1000, 100), ...times(10_000, 10))
    const { mean, sampleCount } = AlertManager.getProcessStatistics('p', system) ?? {}
    expect(sampleCount).toBe(1000)
    expect(mean).toBeGreaterThan(10)
    expect(mean).toBeLessThan(10.1)
  })

  it('raises and resolves an alert on request', () => {
    const { system } = stage
    const alert = AlertManager.triggerAlert('high_memory', 'p', 7, system)
    expect(alert).toMatchObject({ type: 'high_memory', threshold: 7, message: expect.stringContaining('Memory') })
    expect(AlertManager.triggerAlert('high_memory', 'p', 8, system)).toBeUndefined()
    expect(AlertManager.resolveAlert('p', system)).toBe(true)
    expect(AlertManager.resolveAlert('p', system)).toBe(false)
  })

  it('D19: forgets a process that has ended, and resolves its alert', async () => {
    const { system } = stage
    const events = follow()
    const ref = await GenServer.start(counter, { system, name: 'orders' })
    AlertManager.recordQueueSize(ref.id, 1, system)
    const alert = AlertManager.triggerAlert('high_memory', ref.id, 1, system)
    expect(alert?.processName).toBe('orders')
    await GenServer.stop(ref)
    expect(AlertManager.getProcessStatistics(ref.id, system)).toBeUndefined()
    expect(events.at(-1)).toEqual({ type: 'alert_resolved', alertId: alert?.id, processId: ref.id })
  })

  it('D19: a poll forgets processes that are gone without a word', async () => {
    const { clock, system } = stage
    AlertManager.recordQueueSize('gone', 1, system)
    AlertManager.recordQueueSize('gone too', 1, system)
    const ref = await GenServer.start(counter, { system })
    Observer.startPolling(100, () => {}, system)
    await clock.advance(100)
    expect(AlertManager.getProcessStatistics('gone', system)).toBeUndefined()
    expect(AlertManager.getProcessStatistics(ref.id, system)?.sampleCount).toBe(2)
  })

  it('takes the samples of Observer.startPolling', async () => {
    const { clock, system } = stage
    AlertManager.configure({ minSamples: 5 }, system)
    const ref = await GenServer.start(counter, { system })
    const events: AlertEvent[] = []
    Observer.subscribeToAlerts((event) => events.push(event), system)
    Observer.startPolling(100, () => {}, system)
    await clock.advance(500)
    for (let count = 0; count < 20; count++) GenServer.cast(ref, 'add')
    // The poll comes before the round of the messages.
    clock.tick()
    expect(events).toMatchObject([{ type: 'alert_triggered', alert: { processId: ref.id, currentValue: 20 } }])
    await clock.advance(100)
    expect(events).toHaveLength(2)
  })

  it('is reset, and each system has its own', () => {
    const { system } = stage
    const other = createSystem()
    AlertManager.configure({ minSamples: 1 }, system)
    AlertManager.recordQueueSize('p', 1, system)
    expect(AlertManager.getProcessStatistics('p', other)).toBeUndefined()
    expect(AlertManager.getConfig(other).minSamples).toBe(30)
    AlertManager.removeProcess('p', system)
    expect(AlertManager.getProcessStatistics('p', system)).toBeUndefined()
    AlertManager.reset(system)
    expect(AlertManager.getConfig(system)).toEqual({
      enabled: true,
      sensitivityMultiplier: 2,
      minSamples: 30,
      cooldownMs: 10_000,
    })
    return other.close()
  })

  it('refuses settings out of range, and changes nothing', () => {
    const { system } = stage
    for (const config of [{ minSamples: 0 }, { cooldownMs: -1 }, { sensitivityMultiplier: 0 }, { samples: 1 }]) {
      expect(() => AlertManager.configure({ enabled: false, ...config } as never, system)).toThrow('config.')
    }
    expect(AlertManager.getConfig(system).enabled).toBe(true)
  })
})
