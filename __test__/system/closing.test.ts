/** `close()` ends all parts of a system, and each refuses work afterwards. */
import { getEventListeners } from 'node:events'
import { Atrion, createControlledClock, createSystem, isClosedError } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { noUnhandledRejections } from '../support/unhandled.ts'

noUnhandledRejections()

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
