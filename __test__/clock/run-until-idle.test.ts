import { createControlledClock, isClockNotIdleError, isInvalidArgumentError, isTimerLoopError } from 'keelson'
import { expect, it } from 'vitest'

it('moves through a chain of waits, and resolves to how far it went', async () => {
  const clock = createControlledClock(500)
  const woken: number[] = []
  const chain = (async () => {
    for (const ms of [10, 20.5, 30_000]) {
      await clock.sleep(ms)
      woken.push(clock.monoMs())
    }
  })()
  expect(await clock.runUntilIdle()).toBe(30_030.5)
  await chain
  expect(woken).toEqual([510, 530.5, 30_530.5])
  expect(await clock.runUntilIdle()).toBe(0)
  expect(clock.monoMs()).toBe(30_530.5)
})

it('moves to wall deadlines, and past intervals that end', async () => {
  const clock = createControlledClock()
  let met = 0
  void clock.deadline({ wallMs: 1000 }).then(() => met++)
  const interval = clock.interval(30, () => {
    if (++met === 5) interval.cancel()
  })
  expect(await clock.runUntilIdle()).toBe(1000)
  expect(met).toBe(6)
})

it('leaves timers alone that hold no event loop', async () => {
  const clock = createControlledClock()
  const fired: string[] = []
  clock.schedule(10, () => fired.push('before'), { ref: false })
  clock.schedule(20, () => fired.push('held'))
  clock.schedule(30, () => fired.push('after'), { ref: false })
  expect(await clock.runUntilIdle()).toBe(20)
  expect(fired).toEqual(['before', 'held'])
  expect(clock.getPendingTimerCount()).toBe(1)
})

it('waits for what is in flight, and takes its turn among advances', async () => {
  const clock = createControlledClock()
  let arrived = false
  const answer = clock.external(
    new Promise<void>((resolve) => {
      setTimeout(() => {
        arrived = true
        resolve()
      }, 5)
    }),
  )
  const after = answer.then(() => clock.sleep(70))
  const advanced = clock.advance(100)
  const idle = clock.runUntilIdle()
  await advanced
  expect([arrived, clock.monoMs()]).toEqual([true, 100])
  await after
  expect(await idle).toBe(0)
  void clock.sleep(5)
  expect(await clock.runUntilIdle()).toBe(5)
})

it('rejects with the name of an interval that never ends, and can go on', async () => {
  const clock = createControlledClock()
  clock.schedule(1, function once() {})
  const interval = clock.interval(10, function poll() {})
  const error = await clock.runUntilIdle({ maxTimers: 50 }).catch((thrown: unknown) => thrown)
  expect(isClockNotIdleError(error)).toBe(true)
  expect(error).toMatchObject({ code: 'KEELSON_NOT_IDLE', timers: 50, timer: expect.stringContaining('interval') })
  expect((error as Error).message).toContain(`created at`)
  expect(clock.monoMs()).toBe(490)
  interval.cancel()
  expect(await clock.runUntilIdle()).toBe(0)
})

it('rejects at 10 000 timers by default', async () => {
  const clock = createControlledClock({ trace: false })
  let left = 9999
  const again = (): unknown => --left > 0 && clock.schedule(1, again)
  clock.schedule(1, again)
  expect(await clock.runUntilIdle()).toBe(9999)
  left = 10_001
  clock.schedule(1, again)
  await expect(clock.runUntilIdle()).rejects.toMatchObject({ timers: 10_000 })
})

it('rejects on a chain of timers that never leaves its instant', async () => {
  const clock = createControlledClock({ loopLimit: 20 })
  const spin = (): unknown => clock.schedule(0, spin)
  spin()
  expect(isTimerLoopError(await clock.runUntilIdle().catch((error: unknown) => error))).toBe(true)
})

it('refuses bad options and a closed clock, as rejections', async () => {
  const clock = createControlledClock()
  for (const bad of [{ maxTimers: 0 }, { maxTimers: 1.5 }, { maxtimers: 5 }, null]) {
    const error = await clock.runUntilIdle(bad as never).catch((thrown: unknown) => thrown)
    expect(isInvalidArgumentError(error)).toBe(true)
  }
  clock.close()
  await expect(clock.runUntilIdle()).rejects.toMatchObject({ code: 'KEELSON_CLOSED' })
})
