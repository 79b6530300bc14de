import { describe, expect, it } from 'vitest'
import {
  Atrion,
  createControlledClock,
  createSystem,
  getDefaultSystem,
  isClosedError,
  isInvalidArgumentError,
  isNameTakenError,
} from 'keelson'

import { noUnhandledRejections } from '../support/unhandled.ts'

noUnhandledRejections()

describe('a system', () => {
  it('repeats its draws for a seed', () => {
    const draws = (seed: number) => {
      const { random } = createSystem({ seed })
      return [random.next(), random.int(1000), ...random.shuffle([1, 2, 3, 4, 5]), random.pick(['a', 'b', 'c'])]
    }
    expect(draws(42)).toEqual(draws(42))
    expect(draws(42)).not.toEqual(draws(43))
    // The sequence is part of the contract: it must never change.
    expect(createSystem({ seed: 1 }).random.next()).toBe(0.8116121588818848)
    expect(draws(2 ** 40)).not.toEqual(draws(2 ** 41))
  })

  it('draws a seed of its own, and tells it', () => {
    const system = createSystem()
    expect(createSystem({ seed: system.seed }).random.next()).toBe(system.random.next())
  })

  it('gives a name one owner until it is released', () => {
    const { names } = createSystem()
    names.register('worker', 1)
    names.register('other', 2)
    expect(() => names.register('worker', 3)).toThrow(
      expect.objectContaining({ code: 'KEELSON_NAME_TAKEN', taken: 'worker' }),
    )
    expect(names.whereis('worker')).toBe(1)
    expect(names.list()).toEqual(['worker', 'other'])
    expect(names.release('worker')).toBe(true)
    expect(names.release('worker')).toBe(false)
    expect(names.whereis('worker')).toBeUndefined()
    try {
      names.register('other', 1)
    } catch (error) {
      expect(isNameTakenError(error)).toBe(true)
    }
  })

  it('closes its parts in reverse order, once, and reports their failures', async () => {
    const closed: string[] = []
    const errors: unknown[] = []
    const system = createSystem({ onError: (error) => errors.push(error) })
    system.own({ close: () => void closed.push('first') })
    system.own({
      close: async () => {
        closed.push('second')
        throw new Error('stuck')
      },
    })
    const forget = system.own({ close: () => void closed.push('never') })
    forget()
    await Promise.all([system.close(), system.close()])
    expect(closed).toEqual(['second', 'first'])
    expect(errors).toMatchObject([{ message: 'stuck' }])
    expect(system.closed).toBe(true)
    expect(() => system.own({ close: () => {} })).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    await expect(system.clock.sleep(1)).rejects.toSatisfy(isClosedError)
  })

  it('leaves a clock that was passed in open', async () => {
    const clock = createControlledClock()
    await createSystem({ clock }).close()
    clock.advanceBy(5)
    await createSystem({ clock, closeClock: true }).close()
    expect(() => clock.advanceBy(5)).toThrow()
  })

  it('owns what its clock callbacks throw', () => {
    const errors: unknown[] = []
    const clock = createControlledClock()
    const system = createSystem({ clock, onError: (error) => errors.push(error) })
    system.clock.schedule(1, () => {
      throw new Error('owned')
    })
    clock.advanceBy(1)
    expect(errors).toMatchObject([{ message: 'owned' }])
  })

  it('has a default for each environment, made again after it was closed', async () => {
    const first = getDefaultSystem()
    expect(getDefaultSystem()).toBe(first)
    await first.close()
    expect(getDefaultSystem()).not.toBe(first)
  })

  it.each([
    [{ seed: -1 }, 'options.seed'],
    [{ seed: 1.5 }, 'options.seed'],
    [{ seed: NaN }, 'options.seed'],
    [{ name: '' }, 'options.name'],
    [{ clock: {} }, 'options.clock'],
    [{ onError: 5 }, 'options.onError'],
    [{ clok: 5 }, 'options.clok'],
  ])('refuses %j', (options, field) => {
    let error: unknown
    try {
      createSystem(options as never)
    } catch (thrown) {
      error = thrown
    }
    expect(isInvalidArgumentError(error) && error.field).toBe(field)
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

it('refused options draw nothing from the random source', () => {
  const system = createSystem({ seed: 1 })
  expect(() => new Atrion({ system, admission: { minLimit: -1 } })).toThrow()
  expect(system.random.next()).toBe(createSystem({ seed: 1 }).random.next())
})
