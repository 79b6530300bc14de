import { describe, expect, it } from 'vitest'

import { useInstalledClock } from '../../support/installed-clock.ts'

const { stage, install } = useInstalledClock()

describe('Date under installClock', () => {
  it('tells the time of the clock', async () => {
    install()
    expect([Date.now(), +new Date(), Date.parse(Date())]).toEqual([1_000_000, 1_000_000, 1_000_000])
    await stage.clock.advance(1500.5)
    expect([Date.now(), +new Date()]).toEqual([1_001_500, 1_001_500])
    stage.clock.jumpWallTime(5)
    expect(new Date().toISOString()).toBe('1970-01-01T00:00:00.005Z')
  })

  it('makes dates that cannot be told from the host’s', () => {
    const before = new Date(7)
    const HostDate = Date
    install()
    const now = new Date()
    expect(before).toBeInstanceOf(Date)
    expect(now).toBeInstanceOf(HostDate)
    expect(now.constructor).toBe(Date)
    expect(new (before.constructor as DateConstructor)().getTime()).toBe(1_000_000)
    expect([Date.name, Date.length, String(Date)]).toEqual(['Date', 7, String(HostDate)])
    expect(new Date(2020, 1, 3)).toEqual(new HostDate(2020, 1, 3))
    expect([Date.UTC(2020, 0), Date.parse('2020-01-01')]).toEqual([HostDate.UTC(2020, 0), HostDate.parse('2020-01-01')])
    expect(structuredClone(now)).toEqual(now)
  })

  it('can be extended', () => {
    install()
    class Day extends Date {
      day(): string {
        return this.toISOString().slice(0, 10)
      }
    }
    const today = new Day()
    expect([today instanceof Day, today instanceof Date, +today, today.day()]).toEqual([
      true,
      true,
      1_000_000,
      '1970-01-01',
    ])
  })
})

describe('monotonic time under installClock', () => {
  it('is that of the clock, and adds up with timeOrigin to the wall time', async () => {
    install()
    expect([performance.now(), process.hrtime.bigint()]).toEqual([1_000_000, 1_000_000_000_000n])
    const start = process.hrtime()
    await stage.clock.advance(1250.5)
    expect(process.hrtime(start)).toEqual([1, 250_500_000])
    expect(performance.timeOrigin + performance.now()).toBe(1_001_250.5)
  })

  it('refuses what the host refuses', () => {
    install()
    expect(() => process.hrtime([1] as never)).toThrow(RangeError)
  })
})
