// In Jest every test file has a realm of its own, and fake timers replace that realm's globals.
const { createControlledClock, createSystemClock, isInvalidArgumentError } = require('keelson')
const { useSystem, withSystem } = require('keelson/testing')

test('values and errors are of the realm of the test', () => {
  const clock = createControlledClock(5)
  expect(clock.now()).toEqual({ wallMs: 5, monoMs: 5 })
  let error
  try {
    clock.advanceBy(NaN)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(Error)
  expect(isInvalidArgumentError(error)).toBe(true)
  expect(clock.sleep(1)).toBeInstanceOf(Promise)
})

test('modern fake timers move the system clock', async () => {
  const clock = createSystemClock()
  jest.useFakeTimers({ now: 1000 })
  try {
    expect(clock.now().wallMs).toBe(1000)
    let woken = 0
    clock.schedule(500, () => woken++)
    clock.interval(100, () => void woken++)
    jest.advanceTimersByTime(500)
    expect(woken).toBe(6)
    const slept = clock.sleep(60_000)
    await jest.advanceTimersByTimeAsync(60_000)
    await slept
  } finally {
    jest.useRealTimers()
    clock.close()
  }
})

test('a controlled clock does not need fake timers, and works while they are installed', async () => {
  jest.useFakeTimers()
  try {
    const clock = createControlledClock()
    const slept = clock.sleep(1000).then(() => clock.monoMs())
    await clock.advance(1000)
    expect(await slept).toBe(1000)
  } finally {
    jest.useRealTimers()
  }
})

test(
  'withSystem is a test body',
  withSystem(async ({ clock, random }) => {
    const slept = clock.sleep(random.int(1000) + 1)
    await clock.advance(1000)
    await slept
  }),
)

describe('useSystem finds the global hooks', () => {
  const system = useSystem()
  test('a fresh one', () => {
    system().clock.advanceBy(5)
    expect(system().clock.monoMs()).toBe(5)
  })
  test('for each test', () => {
    expect(system().clock.monoMs()).toBe(0)
  })
})

test('a second copy of the package knows the errors of the first', () => {
  const { ClosedError } = require('keelson')
  const error = new ClosedError('this')
  jest.resetModules()
  const again = require('keelson')
  expect(again.ClosedError).not.toBe(ClosedError)
  expect(again.isClosedError(error)).toBe(true)
})
