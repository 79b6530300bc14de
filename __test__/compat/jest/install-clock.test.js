// In Jest the globals are those of the realm of the test; `node:timers` is shared with Jest itself.
const { createControlledClock } = require('keelson')
const { installClock, withSystem } = require('keelson/testing')

test(
  'a clock takes the place of the time of the realm, and gives it back',
  withSystem(async ({ clock }) => {
    const host = [setTimeout, setInterval, Date, performance.now, process.hrtime, require('node:timers').setTimeout]
    const installed = installClock(clock)
    const fired = []
    setTimeout(() => fired.push(Date.now()), 60_000)
    require('node:timers').setTimeout(() => fired.push(performance.now()), 60_000)
    const waited = require('node:timers/promises').setTimeout(60_000)
    const signal = AbortSignal.timeout(60_000)
    await clock.advance(60_000)
    await waited
    expect(fired).toEqual([60_000, 60_000])
    expect(signal.aborted).toBe(true)
    expect(new Date()).toBeInstanceOf(Date)
    expect(new Date(60_000)).toEqual(new Date())
    installed.uninstall()
    expect([setTimeout, setInterval, Date, performance.now, process.hrtime, require('node:timers').setTimeout]).toEqual(
      host,
    )
  }),
)

test('a clock and the fake timers of Jest refuse each other', () => {
  const clock = createControlledClock()
  jest.useFakeTimers()
  expect(() => installClock(clock)).toThrow('another library')
  jest.useRealTimers()
  const installed = installClock(clock)
  expect(() => jest.useFakeTimers()).toThrow('twice')
  installed.uninstall()
  clock.close()
})
