// With `enableGlobally`, fake timers are installed before a test file loads anything.
jest.useFakeTimers()
const { createControlledClock, createSystemClock } = require('keelson/clock')

test('clocks work when they were loaded under fake timers', async () => {
  const controlled = createControlledClock()
  const slept = controlled.sleep(10).then(() => 'woken')
  await controlled.advance(10)
  expect(await slept).toBe('woken')

  const system = createSystemClock()
  let fired = false
  system.schedule(1000, () => (fired = true))
  jest.advanceTimersByTime(1000)
  expect(fired).toBe(true)
  system.close()
})
