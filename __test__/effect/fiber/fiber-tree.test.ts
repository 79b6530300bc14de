import { createRootSupervisor } from 'keelson/process'
import { all, effect, fail, type Fiber, isJoinCycleError, race, sleep, succeed } from 'keelson/effect'
import { createControlledClock } from 'keelson/clock'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { err, interrupted, ok, useWorld } from '../../support/effects.ts'
import { deferred } from '../../support/promises.ts'

const world = useWorld()

describe('the tree', () => {
  it('[child-ends-first] children are interrupted, the last one first, and waited for', async () => {
    const { system, clock, log, note } = world()
    const child = (name: string, ms: number) =>
      sleep(1000).onInterrupt(() =>
        note(`${name} stops`)
          .flatMap(() => sleep(ms))
          .flatMap(() => note(`${name} ended`)),
      )
    const parent = child('a', 30)
      .fork()
      .flatMap(() => child('b', 10).fork())
      .flatMap(() => succeed('done'))
      .map((value) => {
        log.push('parent')
        return value
      })
    const result = parent.run({ system })
    await clock.advance(20)
    expect(log).toEqual(['parent', 'b stops', 'a stops', 'b ended'])
    await clock.advance(10)
    expect(await result).toBe('done')
    expect(log.at(-1)).toBe('a ended')
  })

  it('[fork-scope] a fork ends with the branch, the attempt, the timeout or the resource it is in', async () => {
    const { system, clock, log, note } = world()
    const forking = (name: string) =>
      sleep(1000)
        .onInterrupt(() => note(`${name} fork ends`))
        .fork()
        .flatMap(() => note(`${name} ends`))
    const program = all([forking('branch')])
      .flatMap(() => race([forking('race')]))
      .flatMap(() => forking('timeout').timeout(5))
      .flatMap(() => forking('attempt').retry({ maxAttempts: 1 }))
      .flatMap(() => note('end'))
    const result = program.run({ system })
    await clock.advance(0)
    await result
    expect(log).toEqual(
      ['branch', 'race', 'timeout', 'attempt'].flatMap((name) => [`${name} ends`, `${name} fork ends`]).concat('end'),
    )
  })

  it('[fork-returned] a fibre that is the result goes on, and so does one in a list', async () => {
    const { system, clock } = world()
    const fiber = await sleep(10)
      .map(() => 'a')
      .fork()
      .run({ system })
    const [second] = await all([
      sleep(20)
        .map(() => 'b')
        .fork(),
    ]).run({ system })
    expect(await fiber.poll().run({ system })).toBeUndefined()
    await clock.advance(20)
    expect(await fiber.poll().run({ system })).toEqual(ok('a'))
    expect(await second.join().run({ system })).toBe('b')
  })

  it('[fork-returned] inside an effect it goes to that effect, and ends with it', async () => {
    const { system, log, note } = world()
    let fiber: Fiber<unknown, unknown> | undefined
    await effect(async () => {
      fiber = await sleep(1000)
        .onInterrupt(() => note('ended'))
        .fork()
        .run()
      expect(await fiber.poll().run()).toBeUndefined()
      log.push('body')
    }).run({ system })
    expect(log).toEqual(['body', 'ended'])
    expect(await fiber!.poll().run({ system })).toEqual(interrupted())
  })

  it('[daemon] belongs to the system', async () => {
    const { system, clock } = world()
    let daemon: Fiber<unknown, string> | undefined
    await sleep(10)
      .map(() => 'late')
      .forkDaemon()
      .map((fiber) => {
        daemon = fiber
      })
      .run({ system })
    const joined = daemon!.join().run({ system })
    await clock.advance(10)
    expect(await joined).toBe('late')
  })

  it('[nested] a run inside a body is its child, also after an await', async () => {
    const { system, clock, log } = world()
    const body = effect(async (env) => {
      await Promise.resolve()
      const result = await sleep(1000).unsafeRunPromise()
      log.push(JSON.stringify(result), `canceled: ${env.cancel.isCanceled()}`)
    })
    const result = body.timeout(10).unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(err({ _tag: 'Timeout' }))
    expect(clock.getPendingTimerCount()).toBe(0)
    expect(log).toEqual([JSON.stringify(interrupted({ _tag: 'Timeout' })), 'canceled: true'])
  })

  it('[nested] it has the clock, system and values of the effect around it', async () => {
    const { system, clock } = world()
    const inside = effect((env) => [env.clock === clock, env.system === system, env.get('key')])
    const around = effect(async (env) => {
      env.set('key', 'value')
      await Promise.resolve()
      return [await inside.run(), await inside.run(env), await inside.run({ clock: env.clock })]
    })
    expect(await around.run({ system })).toEqual([1, 2, 3].map(() => [true, true, 'value']))
  })

  it('[nested] a run that nobody waits for ends with the body', async () => {
    const { system, log, note } = world()
    await effect(async () => {
      void sleep(1000)
        .onInterrupt(() => note('ended'))
        .run()
        .catch(() => log.push('rejected'))
      await Promise.resolve()
    }).run({ system })
    await Promise.resolve()
    expect(log).toEqual(['ended', 'rejected'])
  })

  it('[nested] a callback that outlives its effect begins runs of its own', async () => {
    const { system } = world()
    const called = deferred<unknown>()
    await effect(async () => {
      setImmediate(() => void succeed('own').unsafeRunPromise({ system }).then(called.resolve))
    }).run({ system })
    expect(await called.promise).toEqual(ok('own'))
  })

  it('[nested] a process that is spawned in an effect is no part of it', async () => {
    const { system, clock } = world()
    const supervisor = createRootSupervisor({ system })
    const stopped = deferred<void>()
    const using = effect(async () => {
      const ref = supervisor.spawn(
        {
          name: 'p',
          init: () => 0,
          handle: async (state, message) => {
            const result = await sleep(10)
              .map(() => 'slept')
              .unsafeRunPromise({ system })
            message.reply(result)
            return state
          },
        },
        {},
      )
      void ref.ask((reply) => ({ reply })).then(answer.resolve)
      await stopped.promise
    })
    const answer = deferred<unknown>()
    const run = using.run({ system })
    await clock.flush()
    stopped.resolve()
    await run
    await clock.advance(10)
    expect(await answer.promise).toEqual(ok('slept'))
    await supervisor.stop()
  })

  it('[unjoined] a failure of a child is told when its parent ends, unless it was joined', async () => {
    const { system, clock, reported } = world()
    const failing = (name: string) =>
      sleep(1)
        .flatMap(() => fail(name))
        .fork()
    const program = failing('lost').flatMap(() =>
      failing('joined').flatMap((fiber) => sleep(10).flatMap(() => fiber.join().catch(() => succeed('caught')))),
    )
    const result = program.run({ system })
    await clock.advance(5)
    expect(reported).toEqual([])
    await clock.advance(5)
    expect(await result).toBe('caught')
    expect(reported).toEqual([['lost', expect.stringMatching(/^fiber-\d+, which nobody has joined,$/)]])
  })

  it('[unjoined] one of the system is told a turn later; joined or polled in time, it is not', async () => {
    const { system, clock, reported } = world()
    const lost = await fail('lost').forkDaemon().run({ system })
    const joined = await fail('joined').fork().run({ system })
    const polled = await fail('polled').forkDaemon().run({ system })
    expect(await joined.join().unsafeRunPromise({ system })).toEqual(err('joined'))
    expect(await polled.poll().run({ system })).toEqual(err('polled'))
    await clock.flush()
    await clock.flush()
    expect(reported).toEqual([['lost', `${lost.id}, which nobody has joined,`]])
  })

  it('[join-cycle] of itself, and of two', async () => {
    const { system, clock } = world()
    const box: Record<string, Fiber<unknown, unknown>> = {}
    const joins = (name: string) => sleep(1).flatMap(() => box[name]!.join())
    const keep = (name: string) => (fiber: Fiber<unknown, unknown>) => {
      box[name] = fiber
    }
    const program = joins('self')
      .fork()
      .map(keep('self'))
      .flatMap(() => joins('b').fork().map(keep('a')))
      .flatMap(() => joins('a').fork().map(keep('b')))
      .flatMap(() => sleep(5))
      .flatMap(() => all([box['self']!.join().catch(succeed), box['a']!.join().catch(succeed)]))
    const result = program.run({ system })
    await clock.advance(5)
    const [own, cycle] = await result
    expect(isJoinCycleError(own) && own.fiberId === own.joinedId).toBe(true)
    expect(isJoinCycleError(cycle) && cycle.fiberId).toBe(box['b']!.id)
  })
})

describe('closing the system', () => {
  it('[close] interrupts, runs finalisers that sleep, and refuses what comes after', async () => {
    const clock = createControlledClock({ stallAfterMs: 0 })
    const system = createSystem({ clock })
    const log: string[] = []
    const resource = (name: string) =>
      effect(async (env) => {
        env.scope.push(async (cause) => {
          await sleep(50).run()
          log.push(`${name} ${cause} at ${clock.monoMs()}`)
        })
      }).flatMap(() => sleep(1e6))
    const first = resource('a').unsafeRunPromise({ system })
    void resource('b').forkDaemon().run({ system })
    await clock.flush()
    await system.close()
    expect(log).toEqual(['b interrupted at 50', 'a interrupted at 50'])
    expect(await first).toMatchObject({ error: { _tag: 'Interrupted', reason: { code: 'KEELSON_CLOSED' } } })
    expect(await succeed(1).unsafeRunPromise({ system })).toMatchObject({ error: { code: 'KEELSON_CLOSED' } })
    expect(clock.getPendingTimerCount()).toBe(0)
    clock.close()
  })

  it('[close] does not wait longer than the deadline for a finaliser that never ends', async () => {
    const clock = createControlledClock({ stallAfterMs: 0 })
    const reported: unknown[] = []
    const system = createSystem({ clock, onError: (error) => reported.push(error) })
    void effect(async (env) => env.scope.push(() => new Promise(() => {})))
      .flatMap(() => sleep(1e6))
      .run({ system })
      .catch(() => {})
    await clock.flush()
    await system.close()
    expect(reported).toMatchObject([{ code: 'KEELSON_UNFINISHED', timeoutMs: 30_000 }])
    clock.close()
  })
})
