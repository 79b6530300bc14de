import { createControlledClock } from 'keelson/clock'
import { acquireUseRelease, all, effect, type FinalizerScope, isUnfinishedError, sleep, succeed } from 'keelson/effect'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { err, interrupted, ok, timedOut, useWorld } from '../../support/effects.ts'
import { deferred } from '../../support/promises.ts'

const world = useWorld()

describe('finalisers', () => {
  it.each<[string, () => unknown]>([
    ['ok', () => 1],
    ['error', () => err('x')],
    ['interrupted', () => sleep(1000).run()],
  ])('[finalizer-once] each once, in reverse order, with %s', async (cause, body) => {
    const { system, clock, log, note } = world()
    const result = effect(async (env) => {
      env.scope.push((given) => log.push(`a ${given}`))
      env.scope.push(async (given) => log.push(`b ${given}`))
      env.scope.push((given) => note(`c ${given}`))
      return body() as never
    })
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    await result
    expect(log).toEqual([`c ${cause}`, `b ${cause}`, `a ${cause}`])
  })

  it('[finalizer-after] after children, also those of what was forked in a finaliser', async () => {
    const { system, clock, log, note } = world()
    const program = effect((env) => {
      env.scope.push(() =>
        sleep(5)
          .onInterrupt(() => note('fork of the finaliser'))
          .fork()
          .flatMap(() => note('finaliser')),
      )
    })
      .flatMap(() =>
        sleep(1000)
          .onInterrupt(() => note('child'))
          .fork(),
      )
      .map(() => 'end')
    expect(await program.run({ system })).toBe('end')
    await clock.flush()
    expect(log).toEqual(['child', 'finaliser', 'fork of the finaliser'])
  })

  it('[finalizer-throws] the others run, the result stays, onError is told', async () => {
    const { system, log, reported } = world()
    const result = await effect((env) => {
      env.scope.push(() => log.push('first'))
      env.scope.push(() => {
        throw new Error('sync')
      })
      env.scope.push(() => Promise.reject(new Error('async')))
      env.scope.push(() => err('result'))
      return 'value'
    }).unsafeRunPromise({ system })
    expect(result).toEqual(ok('value'))
    expect(log).toEqual(['first'])
    expect(reported.map(([error]) => (error instanceof Error ? error.message : error))).toEqual([
      'result',
      'async',
      'sync',
    ])
    expect(reported[0]![1]).toMatch(/^a finalizer of fiber-\d+$/)
  })

  it('[finalizer-deadline] one that never ends is left at exactly its deadline, and interrupted', async () => {
    const { system, clock, log, reported, note } = world()
    const result = effect((env) => {
      env.scope.push(() => log.push(`first at ${clock.monoMs()}`))
      env.scope.push(() => sleep(1e9).onInterrupt(() => note(`stopped at ${clock.monoMs()}`)))
      env.scope.push(() => new Promise(() => {}))
    }).unsafeRunPromise({ system, finalizerTimeoutMs: 100 })
    await clock.advance(199)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(await result).toEqual(ok(undefined))
    expect(log).toEqual(['stopped at 200', 'first at 200'])
    expect(reported.map(([error]) => error)).toMatchObject(
      [1, 2].map(() => ({ code: 'KEELSON_UNFINISHED', what: 'a finalizer', timeoutMs: 100 })),
    )
    await clock.flush()
  })

  it('[finalizer-deadline] the same for a function that a finaliser waits for', async () => {
    const { system, clock, log, reported } = world()
    const result = effect(async (env) => {
      env.scope.push(() => log.push(`at ${clock.monoMs()}`))
      await new Promise(() => {})
    })
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(30_009)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(await result).toEqual(timedOut)
    expect(log).toEqual(['at 30010'])
    expect(reported).toMatchObject([[{ code: 'KEELSON_UNFINISHED', what: 'what its finalizers wait for' }, /fiber-/]])
  })

  it('[scope-closed] refuses what comes too late, and close by hand runs what is there', async () => {
    const { system, log } = world()
    let scope: FinalizerScope | undefined
    const result = await effect(async (env) => {
      ;({ scope } = env)
      env.scope.push((cause) => log.push(`a ${cause}`))
      env.scope.push((cause) => log.push(`b ${cause}`))
      await Promise.all([env.scope.close('error'), env.scope.close('ok')])
      log.push('closed')
      env.scope.push(() => log.push('late'))
    }).unsafeRunPromise({ system })
    expect(result).toMatchObject({ error: { code: 'KEELSON_SCOPE_CLOSED' } })
    expect(log).toEqual(['b error', 'a error', 'closed'])
    expect(() => scope!.push(() => {})).toThrow('Cannot add finalizer to closed scope')
  })
})

describe('acquireUseRelease', () => {
  const logged = (ms = 0) => {
    const { log } = world()
    return [
      sleep(ms).map(() => {
        log.push('acquired')
        return 'r'
      }),
      (_: string, cause: string) => effect(() => log.push(`released ${cause}`)),
    ] as const
  }

  it('[release-cause] is told how the use ended, before what follows', async () => {
    const { system, clock, log, note } = world()
    const [acquire, release] = logged()
    await acquireUseRelease(acquire, (r) => note(`use ${r}`), release)
      .flatMap(() => note('next'))
      .run({ system })
    await acquireUseRelease(acquire, () => effect(() => err('no')), release)
      .catch(() => note('caught'))
      .run({ system })
    const thrown = acquireUseRelease(
      acquire,
      () => {
        throw new Error('use')
      },
      release,
    )
    expect(await thrown.unsafeRunPromise({ system })).toMatchObject({ error: { message: 'use' } })
    const late = acquireUseRelease(acquire, () => sleep(1000), release)
      .timeout(5)
      .unsafeRunPromise({ system })
    await clock.advance(5)
    expect(await late).toEqual(timedOut)
    expect(log).toEqual(
      ['acquired', 'use r', 'released ok', 'next', 'acquired', 'released error', 'caught'].concat([
        'acquired',
        'released error',
        'acquired',
        'released interrupted',
      ]),
    )
  })

  it('[release-cause] the cause is that of the use, not of what is around', async () => {
    const { system, log } = world()
    const [acquire, release] = logged()
    await acquireUseRelease(acquire, () => succeed(1), release)
      .flatMap(() => effect(() => err('later')))
      .unsafeRunPromise({ system })
    expect(log).toEqual(['acquired', 'released ok'])
  })

  it('[acquire] that fails has no use and no release', async () => {
    const { system, log, note } = world()
    const failing = acquireUseRelease(
      effect(() => err('no')),
      () => note('use'),
      () => note('release'),
    )
    expect(await failing.unsafeRunPromise({ system })).toEqual(err('no'))
    expect(log).toEqual([])
  })

  it('[acquire] that is interrupted ends, is released, and is not used', async () => {
    const { system, clock, log, note } = world()
    const [acquire, release] = logged(100)
    const result = acquireUseRelease(acquire, () => note('use'), release)
      .timeout(50)
      .unsafeRunPromise({ system })
    await clock.advance(99)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(await result).toEqual(timedOut)
    expect(log).toEqual(['acquired', 'released interrupted'])
  })

  it('[acquire] runs inside are not interrupted either, but its signal aborts', async () => {
    const { system, clock, log } = world()
    const acquire = effect(async (env) => {
      env.cancel.onCancel(() => log.push(`canceled at ${clock.monoMs()}`))
      log.push((await sleep(40).unsafeRunPromise())._tag)
      log.push((await sleep(40).unsafeRunPromise())._tag, `aborted: ${env.signal.aborted}`)
      return 'r'
    })
    const result = acquireUseRelease(acquire, () => succeed(1), logged()[1])
      .timeout(50)
      .unsafeRunPromise({ system })
    await clock.advance(80)
    expect(await result).toEqual(timedOut)
    expect(log).toEqual(['Ok', 'canceled at 50', 'Ok', 'aborted: true', 'released interrupted'])
  })

  it('[acquire] that outlasts the deadline is left, told, and released when it ends after all', async () => {
    const { system, clock, log, reported } = world()
    const late = deferred<string>()
    const result = acquireUseRelease(
      effect(() => late.promise),
      () => succeed(1),
      logged()[1],
    )
      .timeout(10)
      .unsafeRunPromise({ system, finalizerTimeoutMs: 100 })
    await clock.advance(109)
    expect(reported).toEqual([])
    await clock.advance(1)
    expect(await result).toEqual(timedOut)
    expect(reported).toMatchObject([[{ code: 'KEELSON_UNFINISHED', what: 'the acquisition' }, /fiber-/]])
    late.resolve('r')
    await clock.flush()
    expect(log).toEqual(['released interrupted'])
  })

  it('[finalizer-after] releases after what the use has started, last acquired first', async () => {
    const { system, clock, log, note } = world()
    const [acquire, release] = logged()
    const heartbeat = (name: string) =>
      sleep(1000)
        .onInterrupt(() => sleep(5).flatMap(() => note(name)))
        .fork()
    const program = acquireUseRelease(
      heartbeat('of acquire').flatMap(() => acquire),
      () =>
        heartbeat('of use').flatMap(() =>
          acquireUseRelease(
            succeed('s'),
            () => succeed(1),
            () => note('inner'),
          ),
        ),
      release,
    )
    const result = program.run({ system })
    await clock.advance(5)
    await result
    expect(log).toEqual(['acquired', 'inner', 'of use', 'of acquire', 'released ok'])
  })

  it('[dispose] of a resource that knows how', async () => {
    const { system, log } = world()
    const disposable = (kind: 'dispose' | 'asyncDispose') =>
      ({ [Symbol[kind] as symbol]: () => void log.push(kind) }) as unknown
    for (const kind of ['dispose', 'asyncDispose'] as const) {
      await acquireUseRelease(succeed(disposable(kind)), () => succeed(1)).run({ system })
    }
    expect(log).toEqual(['dispose', 'asyncDispose'])
    await acquireUseRelease(succeed(1), () => succeed(1)).run({ system })
    expect(world().reported).toMatchObject([
      [{ code: 'KEELSON_INVALID_ARGUMENT', field: 'the resource' }, /a finalizer/],
    ])
  })

  it('releases a thousand that are acquired at once, when one fails', async () => {
    const { system, clock } = world()
    let open = 0
    const one = (index: number) =>
      acquireUseRelease(
        effect(() => ++open),
        () => sleep(index === 500 ? 1 : 1000).flatMap(() => effect(() => err('no'))),
        () => void open--,
      )
    const result = all(Array.from({ length: 1000 }, (_, index) => one(index))).unsafeRunPromise({ system })
    await clock.flush()
    expect(open).toBe(1000)
    await clock.advance(1)
    expect(await result).toEqual(err('no'))
    expect(open).toBe(0)
  })

  it('is one resource a run', async () => {
    const { system, log } = world()
    const [acquire, release] = logged()
    const both = await all([
      acquireUseRelease(acquire, succeed, release),
      acquireUseRelease(acquire, succeed, release),
    ]).unsafeRunPromise({ system })
    expect(both).toEqual(ok(['r', 'r']))
    expect(log).toEqual(['acquired', 'released ok', 'acquired', 'released ok'])
    expect(interrupted()).toEqual(err({ _tag: 'Interrupted' }))
  })
})

it('a finaliser that waits for the close of its system holds it for closeTimeout, and is reported', async () => {
  const reported: unknown[] = []
  const clock = createControlledClock({ stallAfterMs: 0 })
  const system = createSystem({ clock, closeTimeout: 50, onError: (error) => reported.push(error) })
  let closed = 0
  const running = effect(async (env) => {
    env.scope.push(async () => {
      await system.close()
      closed = clock.monoMs()
    })
    await sleep(1000).run()
  }).unsafeRunPromise({ system })
  await clock.flush()
  await system.close()
  expect(clock.monoMs()).toBe(50)
  expect(await running).toMatchObject({ _tag: 'Err', error: { _tag: 'Interrupted' } })
  await clock.flush()
  expect(closed).toBe(50)
  expect(reported.filter(isUnfinishedError)).toMatchObject([{ timeoutMs: 50 }])
  clock.close()
})
