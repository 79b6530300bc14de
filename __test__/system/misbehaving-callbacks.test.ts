// What happens when callbacks, listeners and owners do what they should not: close, abort, throw, or do it twice.
import { getEventListeners } from 'node:events'
import { mock } from 'node:test'
import { Atrion, type ClockEvent, createControlledClock, createSystem, createSystemClock, isClosedError } from 'keelson'
import { createTestSystem, withSystem } from 'keelson/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'

const rejections: unknown[] = []
process.on('unhandledRejection', (reason) => rejections.push(reason))
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  expect(rejections.splice(0)).toEqual([])
})

describe('closing', () => {
  it('refuses the random source and the names of a closed system, whoever came after it', async () => {
    const first = createSystem({ seed: 1 })
    const { random, names } = first
    await first.close()
    const second = createSystem({ seed: 2 })
    expect(() => random.next()).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    expect(() => names.register('x', 1)).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    expect(second.names.list()).toEqual([])
    expect(second.random.next()).toBe(createSystem({ seed: 2 }).random.next())
  })

  it('survives a part that closes the system again', async () => {
    const closed: string[] = []
    const system = createSystem({ seed: 1 })
    system.own({ close: () => void closed.push('last') })
    system.own({
      close: () => {
        expect(system.closed).toBe(true)
        void system.close()
        closed.push('first')
      },
    })
    await system.close()
    expect(closed).toEqual(['first', 'last'])
  })

  it('gives a shared clock back when a system ends', async () => {
    const clock = createControlledClock()
    const errors: string[] = []
    const first = createSystem({ clock, onError: () => errors.push('first') })
    await first.close()
    const second = createSystem({ clock, onError: () => errors.push('second') })
    clock.schedule(1, () => {
      throw new Error('whose?')
    })
    clock.advanceBy(1)
    expect(errors).toEqual(['second'])
    await second.close()
  })

  it('of a clock by its own listener ends the call, and touches no other clock', async () => {
    const other: ReturnType<typeof createControlledClock>[] = []
    const clock = createControlledClock({
      emit: () => {
        clock.close()
        other.push(createControlledClock())
      },
    })
    await expect(clock.sleep(5)).rejects.toSatisfy(isClosedError)
    expect(other.map((made) => made.getPendingTimerCount())).toEqual([0])
    const again = createControlledClock({ emit: () => again.close() })
    expect(() => again.interval(5, () => {})).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  })

  it('of a clock leaves waits pending, and their signal still ends them', async () => {
    const clock = createControlledClock()
    const controller = new AbortController()
    const waiting = clock.sleep(5, { signal: controller.signal })
    clock.close()
    controller.abort(new Error('told'))
    await expect(waiting).rejects.toThrow('told')
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('of a clock under an open Atrion takes no place', async () => {
    const system = createTestSystem({ seed: 1 })
    const atrion = new Atrion({ system })
    system.clock.close()
    await expect(atrion.run('db', () => 1)).rejects.toSatisfy(isClosedError)
    expect(() => atrion.tryAdmit('db')).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    expect(atrion.getState('db')?.gate?.inFlight).toBe(0)
    await system.close()
  })
})

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

describe('deadlines', () => {
  it('of a ticket that somebody got from the queue is kept', async () => {
    const system = createTestSystem({ seed: 1 })
    const admission = { limit: 1, queueDeadlineMs: 60_000, tricklePerSecond: 1e-9, trickleShare: 0, trickleInFlight: 1 }
    const atrion = new Atrion({ system, admission })
    let first = atrion.tryAdmit('db')
    const held = first
    while (first.allow) first = atrion.tryAdmit('db')
    const waiting = atrion.admit('db', { timeoutMs: 50 })
    await system.clock.advance(10)
    if (held.allow) held.done()
    expect(await waiting).toMatchObject({ allow: true })
    const before = atrion.getState('db')?.gate?.timedOut ?? 0
    await system.clock.advance(51)
    expect(atrion.getState('db')?.gate?.timedOut).toBe(before + 1)
    await system.close()
  })

  it('of a wait is kept when the event loop was blocked beyond it', async () => {
    let now = 0
    const controlled = createControlledClock()
    // A clock whose time moves while nothing can fire.
    const blocked = new Proxy(controlled, {
      get: (target, name) => {
        if (name === 'monoMs') return () => now
        const value = Reflect.get(target, name) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const atrion = new Atrion({ clock: blocked, admission: { limit: 1, tricklePerSecond: 1e-9, trickleShare: 0 } })
    const first = atrion.tryAdmit('db')
    while (atrion.tryAdmit('db').allow);
    const waiting = atrion.admit('db', { maxWaitMs: 20 })
    now = 200
    if (first.allow) first.done()
    expect(await waiting).toMatchObject({ allow: false, reason: 'queue-deadline' })
    atrion.close()
  })

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

describe('names', () => {
  it('that are no Unicode are refused, since the core would take two for one', () => {
    const { names } = createSystem()
    const atrion = new Atrion()
    for (const name of ['\ud800', 'a\udc00']) {
      expect(() => names.register(name, 1)).toThrow(expect.objectContaining({ field: 'name' }))
      expect(() => atrion.tryAdmit(name)).toThrow(expect.objectContaining({ field: 'route' }))
    }
    atrion.close()
  })
})

it('autoAdvance does not move for the deadline of a ticket', async () => {
  const system = createTestSystem({ seed: 1 })
  const atrion = new Atrion({ system })
  system.clock.autoAdvance = true
  atrion.tryAdmit('db')
  for (let turn = 0; turn < 20; turn++) await system.clock.flush()
  expect(system.clock.monoMs()).toBe(0)
  expect(() => system.clock.external(5 as never)).toThrow(expect.objectContaining({ field: 'promise' }))
  await system.clock.sleep(10)
  await system.close()
})

it('refused options draw nothing from the random source', () => {
  const system = createSystem({ seed: 1 })
  expect(() => new Atrion({ system, admission: { minLimit: -1 } })).toThrow()
  expect(system.random.next()).toBe(createSystem({ seed: 1 }).random.next())
})
