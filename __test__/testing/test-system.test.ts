import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sleep } from 'keelson/effect'
import { createTestSystem, useSystem, withSystem } from 'keelson/testing'

describe('withSystem', () => {
  it(
    'gives a controlled system for the body',
    withSystem(async ({ clock }) => {
      const woken = clock.sleep(60_000)
      await clock.advance(60_000)
      await woken
      expect(clock.monoMs()).toBe(60_000)
    }),
  )

  it(
    'gives the system itself to a body that takes it apart',
    withSystem(async ({ clock, system }) => {
      expect([system.clock === clock, system.system === system]).toEqual([true, true])
      const slept = sleep(1000).run({ system })
      await clock.advance(1000)
      await slept
    }),
  )

  it('closes it, and names the seed of a failure', async () => {
    let closed = (): boolean => false
    const body = withSystem(
      (system) => {
        closed = () => system.closed
        throw new Error('assertion')
      },
      { seed: 99 },
    )
    await expect(body()).rejects.toThrow(/assertion\n\(seed 99: run again with KEELSON_SEED=99\)/)
    expect(closed()).toBe(true)
  })

  it('fails the test when a callback failed', async () => {
    const body = withSystem(({ clock }) => {
      clock.schedule(1, () => {
        throw new Error('in a callback')
      })
      clock.advanceBy(1)
    })
    await expect(body()).rejects.toThrow('in a callback')
  })

  it('takes the seed from the environment', () => {
    process.env['KEELSON_SEED'] = '123'
    try {
      expect(createTestSystem().seed).toBe(123)
      expect(createTestSystem({ seed: 5 }).seed).toBe(5)
      process.env['KEELSON_SEED'] = 'x'
      expect(() => createTestSystem()).toThrow(expect.objectContaining({ field: 'KEELSON_SEED' }))
    } finally {
      delete process.env['KEELSON_SEED']
    }
  })
})

describe('useSystem', () => {
  const system = useSystem({ beforeEach, afterEach })
  const seen: unknown[] = []

  it.each([1, 2])('gives test %i a system of its own', async () => {
    expect(system().clock.monoMs()).toBe(0)
    await system().clock.advance(10)
    for (const other of seen) expect(other).toMatchObject({ closed: true })
    seen.push(system())
  })

  it('needs hooks', () => {
    expect(() => useSystem()).toThrow(expect.objectContaining({ field: 'hooks' }))
  })
})

it('lets a test look at errors and take them', async () => {
  const system = createTestSystem()
  system.report(new Error('expected'), 'a test')
  expect(system.takeErrors()).toMatchObject([{ message: 'expected' }])
  await system.close()
})

it('refuses options that do not exist', () => {
  expect(() => createTestSystem({ sed: 1 } as never)).toThrow(expect.objectContaining({ field: 'options.sed' }))
})
