/** Callbacks, listeners and owners of errors that throw, abort or cancel while they are called. */
import { Atrion, type ClockEvent, createControlledClock, createSystemClock } from 'keelson'
import { createTestSystem, withSystem } from 'keelson/testing'
import { describe, expect, it, vi } from 'vitest'

import { noUnhandledRejections } from '../support/unhandled.ts'

noUnhandledRejections()

describe('owners and listeners that throw', () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})

  it('do not stop a system clock, also for what has no text', async () => {
    const clock = createSystemClock({
      onError: () => {
        throw new Error('owner')
      },
    })
    clock.schedule(1, () => {
      throw Object.create(null)
    })
    await clock.sleep(5)
    await clock.sleep(5)
    expect(warned).toHaveBeenCalled()
    clock.close()
  })

  it('do not keep a sleeper asleep', async () => {
    const clock = createControlledClock({
      emit: (event: ClockEvent) => {
        if (event.type === 'time:sleep:end') throw new Error('listener')
      },
      onError: () => {
        throw new Error('owner')
      },
    })
    const slept = clock.sleep(5)
    await clock.advance(5)
    await slept
  })

  it('in isFailure count as a failure and are reported', async () => {
    const system = createTestSystem({ seed: 1 })
    const atrion = new Atrion({ system })
    const isFailure = () => {
      throw new Error('predicate')
    }
    const failed = atrion.run('db', () => Promise.reject(new Error('work')), { isFailure })
    await expect(failed).rejects.toThrow('work')
    expect(system.takeErrors()).toMatchObject([{ message: 'predicate' }])
    expect(atrion.getState('db')?.gate).toMatchObject({ inFlight: 0, failed: 1 })
    await system.close()
  })

  it('in onStall reach the owner', async () => {
    const error = await new Promise((resolve) => {
      const clock = createControlledClock({
        stallAfterMs: 1,
        onError: resolve,
        onStall: () => {
          throw new Error('stall')
        },
      })
      void clock.sleep(1)
      setTimeout(() => {}, 200)
    })
    expect(error).toMatchObject({ message: 'stall' })
  })

  it('do not hide the failure of a test whose text cannot be changed', async () => {
    let closed = () => false
    const body = withSystem((system) => {
      closed = () => system.closed
      AbortSignal.abort().throwIfAborted()
    })
    await expect(body()).rejects.toMatchObject({ name: 'AbortError' })
    expect(closed()).toBe(true)
    await expect(withSystem(() => Promise.reject(Object.freeze(new Error('frozen'))))()).rejects.toThrow('frozen')
  })
})

describe('aborts and cancels at odd moments', () => {
  it('an abort inside the listener of the start ends the wait', async () => {
    const controller = new AbortController()
    const clock = createControlledClock({ emit: () => controller.abort(new Error('at once')) })
    await expect(clock.sleep(5, { signal: controller.signal })).rejects.toThrow('at once')
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('a cancel inside the listener of a tick keeps its callback from running', () => {
    let ran = 0
    const clock = createControlledClock({
      emit: (event) => {
        if (event.type === 'time:interval:tick') interval.cancel()
      },
    })
    const interval = clock.interval(5, () => void ran++)
    clock.advanceBy(50)
    expect(ran).toBe(0)
  })

  it('many independent timers for now are no loop', () => {
    const clock = createControlledClock({ loopLimit: 100 })
    let fired = 0
    for (let index = 0; index < 5000; index++) clock.schedule(0, () => fired++)
    clock.advanceBy(1)
    for (let round = 0; round < 500; round++) {
      clock.schedule(0, () => fired++)
      clock.advanceBy(1)
    }
    expect(fired).toBe(5500)
  })
})
