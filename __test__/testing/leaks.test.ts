import { effect, isLeakError, sleep } from 'keelson/effect'
import { createSystem } from 'keelson/system'
import { assertNoLeaks, createTestSystem, leaksOf, withSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

const here = /created .*leaks\.test\.ts:\d+/

describe('leaks', () => {
  it('lists fibres with what they wait for, scopes, finalisers and timers, and where they were made', async () => {
    const system = createTestSystem()
    const daemon = await effect(async (env) => {
      env.scope.push(() => {})
      await sleep(1000).run()
    })
      .forkDaemon()
      .run({ system })
    system.clock.schedule(5, function tick() {})
    await system.clock.flush()
    const lines = leaksOf(system)
    expect(lines).toEqual([
      expect.stringMatching(/^fiber-2, a daemon, waits for a promise, created /),
      'the scope of fiber-2, open with 1 to run',
      expect.stringMatching(/^a finalizer of fiber-2, created /),
      expect.stringMatching(/^fiber-3, a run inside an effect in fiber-2, waits for a sleep, created /),
      expect.stringMatching(/^a timer: sleep fiber-3, due at 1000 ms, created /),
      'a timer: schedule tick, due at 5 ms',
    ])
    for (const line of lines.filter((text) => text.includes('created'))) expect(line).toMatch(here)
    expect(() => assertNoLeaks(system)).toThrow(expect.objectContaining({ code: 'KEELSON_LEAK', leaks: lines }))
    await daemon.interrupt().run({ system })
    await system.clock.advance(5)
    assertNoLeaks(system)
    await system.close()
  })

  it('says of a test that hangs who waits for whom', async () => {
    const system = createTestSystem({ trace: false })
    const waiting = sleep(1000)
      .fork()
      .flatMap((fiber) => fiber.join())
      .unsafeRunPromise({ system })
    await system.clock.flush()
    expect(leaksOf(system)).toEqual([
      'fiber-1, a run, waits for fiber-2',
      'fiber-2, a fork in fiber-1, waits for a sleep',
      'a timer: sleep fiber-2, due at 1000 ms',
    ])
    await system.clock.advance(1000)
    await waiting
    await system.close()
  })

  it('fail a system with the option when it closes, with the seed', async () => {
    const leaving = withSystem(
      async (system) => {
        await sleep(1000).fork().run({ system })
      },
      { leaks: true, seed: 5 },
    )
    const error = await leaving().catch((reason: unknown) => reason)
    expect(isLeakError(error) && error.leaks).toHaveLength(2)
    expect((error as Error).message).toContain('KEELSON_SEED=5')
    await withSystem(
      async (system) => {
        const fiber = await sleep(1000).fork().run({ system })
        await fiber.interrupt().run({ system })
      },
      { leaks: true },
    )()
    await withSystem(async (system) => {
      await sleep(1000).fork().run({ system })
    })()
  })

  it('knows nothing of a system without effects, and refuses what is none', async () => {
    const system = createSystem()
    expect(leaksOf(system)).toEqual([])
    await system.close()
    expect(() => leaksOf({} as never)).toThrow(expect.objectContaining({ field: 'system' }))
    expect(() => createTestSystem({ leaks: 1 as never })).toThrow(expect.objectContaining({ field: 'options.leaks' }))
    expect(() => createTestSystem({ trace: 1 as never })).toThrow(expect.objectContaining({ field: 'options.trace' }))
  })
})

it('names the function of an effect that was given up and still runs', async () => {
  const system = createTestSystem()
  let end = (): void => undefined
  const slow = effect(() => new Promise<void>((resolve) => (end = resolve)))
  const run = slow.timeout(10).unsafeRunPromise({ system })
  await system.clock.advance(10)
  expect(await run).toMatchObject({ _tag: 'Err', error: { _tag: 'Timeout' } })
  expect(() => assertNoLeaks(system)).toThrow(
    /the function of fiber-\d+, what a timeout bounds, which still runs although it was given up/,
  )
  end()
  await system.clock.flush()
  assertNoLeaks(system)
  await system.close()
})
