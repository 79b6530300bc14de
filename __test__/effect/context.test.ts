import { AsyncLocalStorage } from 'node:async_hooks'
import { createControlledClock } from 'keelson/clock'
import {
  ContextImpl,
  createContext,
  createScope,
  currentContext,
  effect,
  runEffect,
  ScopeImpl,
  sleep,
  succeed,
} from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { useWorld } from '../support/effects.ts'

const world = useWorld()
const get = (key: string) => effect((env) => env.get(key))

describe('context', () => {
  it('[context] flows to what is run, forked, and run inside', async () => {
    const { system } = world()
    const program = effect(async (env) => {
      env.set('user', 'alice')
      const inside = await get('user').run()
      const forked = await get('user')
        .fork()
        .flatMap((fiber) => fiber.join())
        .run()
      return [env.get('user'), env.has('user'), env.has('other'), [...env.keys()], inside, forked]
    }).flatMap((values) => get('user').map((later) => values.concat(later)))
    expect(await program.run({ system })).toEqual(['alice', true, false, ['user'], 'alice', 'alice', 'alice'])
  })

  it('[context] what a child sets stays with it; withContext holds for its effect alone', async () => {
    const { system } = world()
    const program = effect((env) => env.set('key', 'child'))
      .flatMap(() => get('key'))
      .timeout(10)
      .flatMap((child) => get('key').map((parent) => [child, parent]))
      .withContext('key', 'outer')
      .flatMap((inner) => get('key').map((after) => inner.concat(after)))
    expect(await program.run({ system })).toEqual(['child', 'outer', undefined])
  })

  it('[context] a clock, from withContext or an older context', async () => {
    const { system } = world()
    const other = createControlledClock(500)
    const on = effect((env) => [env.clock === other, env.get('clock') === other])
    expect(await on.withContext('clock', other).run({ system })).toEqual([true, true])
    expect(await on.run(createContext().with('clock', other))).toEqual([true, true])
    const slept = sleep(10)
      .withContext('clock', other)
      .map(() => other.monoMs())
      .run({ system })
    other.advanceBy(10)
    expect(await slept).toBe(510)
    expect(await get('clock').withContext('clock', 'no clock').run({ system })).toBe('no clock')
    other.close()
  })

  it('[context] of a run', async () => {
    const { system } = world()
    expect(await get('key').run({ system, context: createContext(new Map([['key', 1]])) })).toBe(1)
  })

  it('[als] everything runs in the context of the run, whoever resumes it', async () => {
    const { system, clock } = world()
    const als = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const see = (): void => void seen.push(als.getStore())
    const program = effect(async (env) => {
      env.scope.push(see)
      await Promise.resolve()
      see()
    })
      .map(see)
      .flatMap(() => sleep(10))
      .map(see)
      .flatMap(() => sleep(1000).onInterrupt(see).timeout(10))
      .catch(() => effect(see))
      .flatMap(() => sleep(1000).onInterrupt(see).map(see))
    const controller = new AbortController()
    const result = als.run('caller', () => program.unsafeRunPromise({ system, signal: controller.signal }))
    await als.run('advances', () => clock.advance(50))
    als.run('aborts', () => controller.abort())
    await result
    expect(seen).toEqual(Array(7).fill('caller'))
  })

  it('[als] also when the function is left, and its finaliser runs at the deadline', async () => {
    const { system, clock } = world()
    const als = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const result = als.run('caller', () =>
      effect(async (env) => {
        env.scope.push(() => seen.push(als.getStore()))
        await new Promise(() => {})
      })
        .timeout(10)
        .unsafeRunPromise({ system, finalizerTimeoutMs: 10 }),
    )
    await als.run('advances', () => clock.advance(20))
    await result
    expect(seen).toEqual(['caller'])
    world().reported.length = 0
  })

  it.each(['before', 'after'])('[als] a finaliser of a run that a signal ends, pushed %s the wait', async (when) => {
    const { system, clock } = world()
    const als = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const controller = new AbortController()
    const result = als.run('caller', () =>
      effect(async (env) => {
        if (when === 'after') await Promise.resolve()
        env.scope.push(() => seen.push(als.getStore()))
        await new Promise((_, reject) => env.signal.addEventListener('abort', reject))
      }).unsafeRunPromise({ system, signal: controller.signal }),
    )
    await clock.flush()
    als.run('aborts', () => controller.abort())
    await result
    expect(seen).toEqual(['caller'])
  })

  it('[als] the values of the effect around are found without its environment', async () => {
    const { system } = world()
    const deep = async (): Promise<unknown> => {
      await Promise.resolve()
      return currentContext()?.get('request')
    }
    const program = effect(async (env) => {
      env.set('request', 'r-1')
      return [await deep(), await effect(deep).run()]
    }).flatMap((found) => succeed([...found, currentContext()?.get('request')]))
    expect(await program.run({ system })).toEqual(['r-1', 'r-1', 'r-1'])
    expect(currentContext()).toBeUndefined()
  })
})

describe('the older names', () => {
  it('runEffect runs at once, with a context that is set and read', async () => {
    const result = await runEffect(async (ctx) => {
      ctx.set('operation', 'get')
      await Promise.resolve()
      return [ctx.get('operation'), ctx.has('key'), [...ctx.keys()], ctx.values.size]
    })
    expect(result).toEqual(['get', false, ['operation'], 1])
    // A raw value, whatever it looks like; a throw rejects.
    expect(await runEffect(async () => ({ _tag: 'Err', error: 1 }))).toEqual({ _tag: 'Err', error: 1 })
    const boom = new Error('boom')
    await expect(
      runEffect(() => {
        throw boom
      }),
    ).rejects.toBe(boom)
  })

  it('createContext makes contexts that do not change', () => {
    const map = new Map([['key', 'value']])
    const context = createContext(map)
    map.set('key', 'changed')
    const more = context.with('other', 1)
    expect([context.get('key'), context.get('other'), context.values.size]).toEqual(['value', undefined, 1])
    expect([more.get('key'), more.get<number>('other'), more.has('other'), [...more.keys()]]).toEqual([
      'value',
      1,
      true,
      ['key', 'other'],
    ])
    expect(more).toBeInstanceOf(ContextImpl)
    expect(createContext().values.size).toBe(0)
  })

  it('createScope cancels once, tells each listener, and those that come later', () => {
    const parent = new ScopeImpl()
    const scope = createScope(parent.id)
    const told: string[] = []
    scope.onCancel(() => told.push('a'))
    scope.onCancel(() => told.push('b'))
    expect([scope.parentId, parent.parentId, scope.isCancelled(), scope.id === parent.id]).toEqual([
      parent.id,
      undefined,
      false,
      false,
    ])
    scope.cancel()
    scope.cancel()
    scope.onCancel(() => told.push('late'))
    expect([told, scope.isCancelled(), parent.isCancelled()]).toEqual([['a', 'b', 'late'], true, false])
  })
})
