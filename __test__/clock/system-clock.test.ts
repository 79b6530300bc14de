import { mock } from 'node:test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Clock, createSystemClock } from 'keelson/clock'

import { noUnhandledRejections } from '../support/unhandled.ts'

const clocks: Clock[] = []
function systemClock(...args: Parameters<typeof createSystemClock>): Clock {
  const clock = createSystemClock(...args)
  clocks.push(clock)
  return clock
}

afterEach(() => {
  vi.useRealTimers()
  for (const clock of clocks.splice(0)) clock.close()
})

describe('the system clock', () => {
  it('reads the host: wall time as Date, monotonic time from about zero', () => {
    const clock = systemClock()
    const before = Date.now()
    const { wallMs, monoMs } = clock.now()
    expect(wallMs).toBeGreaterThanOrEqual(before)
    expect(wallMs).toBeLessThanOrEqual(Date.now())
    expect(monoMs).toBeGreaterThan(0)
    expect(monoMs).toBeLessThan(1000)
  })

  it('never wakes early', async () => {
    const clock = systemClock()
    const early = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const duration = 1 + (index % 20) / 3
        const start = clock.monoMs()
        await clock.sleep(duration)
        return clock.monoMs() - start < duration
      }),
    )
    expect(early.filter(Boolean)).toHaveLength(0)
  })

  it('fires in order with one host timer, and cancelled ones never', async () => {
    const clock = systemClock()
    const fired: number[] = []
    const handles = [30, 10, 20, 10].map((delay, index) => clock.schedule(delay, () => fired.push(index)))
    handles[2]?.cancel()
    handles[2]?.cancel()
    await clock.sleep(40)
    expect(fired).toEqual([1, 3, 0])
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('keeps a year-long sleep asleep', async () => {
    const clock = systemClock()
    let woken = false
    const controller = new AbortController()
    const sleep = clock.sleep(365 * 86_400_000, { signal: controller.signal }).then(
      () => (woken = true),
      () => {},
    )
    await clock.sleep(20)
    expect(woken).toBe(false)
    controller.abort()
    await sleep
  })

  it('skips and does not count overlapping ticks', async () => {
    const clock = systemClock()
    let running = 0
    let most = 0
    const ticks: number[] = []
    const interval = clock.interval(5, async () => {
      ticks.push(clock.monoMs())
      most = Math.max(most, ++running)
      await clock.sleep(18)
      running--
    })
    const begun = clock.monoMs()
    while (ticks.length < 5) await clock.sleep(5)
    const elapsed = clock.monoMs() - begun
    interval.cancel()
    expect(most).toBe(1)
    // Each but the last took 18 ms, which a tick that was counted while it was skipped would not have.
    expect((ticks.length - 1) * 18).toBeLessThanOrEqual(elapsed)
  })

  it('meets wall deadlines', async () => {
    const events: string[] = []
    const clock = systemClock({ emit: (event) => events.push(event.type) })
    const target = Date.now() + 20
    await clock.deadline({ wallMs: target })
    expect(Date.now()).toBeGreaterThanOrEqual(target)
    await clock.deadline(clock.now())
    expect(events.find((type) => type.startsWith('time:deadline'))).toBe('time:deadline:start')
  })
})

describe('fake timers', () => {
  it('of vitest move it, with all of time faked', async () => {
    const clock = systemClock()
    const before = clock.monoMs()
    vi.useFakeTimers({ now: 1_000_000 })
    const frozen = clock.monoMs()
    expect(frozen).toBeGreaterThanOrEqual(before)
    expect(+clock.now()).toBe(1_000_000)
    let woken = 0
    clock.schedule(500, () => woken++)
    clock.interval(100, () => void woken++)
    vi.advanceTimersByTime(499)
    expect(woken).toBe(4)
    vi.advanceTimersByTime(1)
    expect(woken).toBe(6)
    expect(clock.monoMs() - frozen).toBeCloseTo(500, 6)
    const slept = clock.sleep(60_000)
    await vi.advanceTimersByTimeAsync(60_000)
    await slept
    const last = clock.monoMs()
    vi.useRealTimers()
    expect(clock.monoMs()).toBeGreaterThanOrEqual(last)
    expect(clock.monoMs() - last).toBeLessThan(1000)
    await clock.sleep(5)
  })

  it.each([[['setTimeout', 'clearTimeout'] as const], [['setTimeout', 'clearTimeout', 'Date'] as const]])(
    'of vitest move it when only %s are faked',
    (toFake) => {
      const clock = systemClock()
      vi.useFakeTimers({ toFake: [...toFake] })
      let woken = 0
      clock.schedule(500, () => woken++)
      vi.advanceTimersByTime(499)
      expect(woken).toBe(0)
      vi.advanceTimersByTime(1)
      expect(woken).toBe(1)
    },
  )

  it('notice a wall jump within a second', async () => {
    vi.useFakeTimers({ now: 0 })
    const clock = systemClock()
    let woken = false
    void clock.deadline({ wallMs: 3_600_000 }).then(() => (woken = true))
    await vi.advanceTimersByTimeAsync(10)
    vi.setSystemTime(3_600_000)
    await vi.advanceTimersByTimeAsync(1000)
    expect(woken).toBe(true)
  })
})

describe('deadlines', () => {
  noUnhandledRejections()

  it('survive fake timers that come and go', async () => {
    const clock = createSystemClock()
    let woken = false
    void clock.sleep(100).then(() => (woken = true))
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    try {
      const later = clock.sleep(10_000)
      later.catch(() => {})
      mock.timers.tick(110)
      await new Promise((resolve) => setImmediate(resolve))
      expect(woken).toBe(true)
    } finally {
      mock.timers.reset()
      clock.close()
    }
  })
})
