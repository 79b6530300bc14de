import {
  acquireUseRelease,
  all,
  createCancelToken,
  createContext,
  effect,
  fail,
  fromPromise,
  isEffect,
  race,
  runEffect,
  sleep,
  succeed,
} from 'keelson/effect'
import { createControlledClock } from 'keelson/clock'
import { describe, expect, it } from 'vitest'

import { err, ok, useWorld } from '../support/effects.ts'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- what a type would refuse

const world = useWorld()
const one: Any = succeed(1)
const bad = {} as Any

const thrown: [string, () => unknown][] = [
  ['fn', () => effect(bad)],
  ['options.emit', () => effect(() => 1, { emit: bad })],
  ['options.emitter', () => effect(() => 1, { emitter: () => {} } as Any)],
  ['ms', () => sleep(-1)],
  ['ms', () => sleep(NaN)],
  ['ms', () => sleep(Infinity)],
  ['ms', () => sleep('1' as Any)],
  ['ms', () => one.timeout(NaN)],
  ['ms', () => one.timeout(-1)],
  ['promise', () => fromPromise(1 as Any)],
  ['effects', () => all(bad)],
  ['effects[1]', () => all([one, 1 as Any])],
  ['effects[0]', () => race([Promise.resolve(1) as Any])],
  ['effects', () => race([])],
  ['options.concurrency', () => all([one], { concurrency: 0 })],
  ['options.concurrency', () => all([one], { concurrency: 1.5 })],
  ['options.limit', () => all([one], { limit: 1 } as Any)],
  ['acquire', () => acquireUseRelease(bad, () => one)],
  ['use', () => acquireUseRelease(one, bad)],
  ['release', () => acquireUseRelease(one, () => one, bad)],
  ['f', () => one.map(1)],
  ['f', () => one.flatMap(one)],
  ['handler', () => one.catch(undefined)],
  ['cleanup', () => one.onInterrupt(one)],
  ['key', () => one.withContext(1, 1)],
  ['policy.maxAttempts', () => one.retry({})],
  ['policy.maxAttempts', () => one.retry({ maxAttempts: 1.5 })],
  ['policy.baseDelayMs', () => one.retry({ maxAttempts: 2, baseDelayMs: -1 })],
  ['policy.maxDelayMs', () => one.retry({ maxAttempts: 2, maxDelayMs: NaN })],
  ['policy.backoffFactor', () => one.retry({ maxAttempts: 2, backoffFactor: 0.5 })],
  ['policy.jitter', () => one.retry({ maxAttempts: 2, jitter: 101 })],
  ['policy.when', () => one.retry({ maxAttempts: 2, when: 1 })],
  ['policy.backoff', () => one.retry({ maxAttempts: 2, backoff: -1 })],
  ['policy.backoff', () => one.retry({ maxAttempts: 2, backoff: {} })],
  ['policy.jitter', () => one.retry({ maxAttempts: 2, backoff: 5, jitter: 20 })],
  ['policy.budget', () => one.retry({ maxAttempts: 2, budget: {} })],
  ['policy.maxAttemps', () => one.retry({ maxAttempts: 2, maxAttemps: 2 })],
  ['policy.times', () => one.repeat(0)],
  ['policy.every', () => one.repeat({ every: NaN })],
  ['policy.until', () => one.repeat({ until: 1 })],
  ['policy.everyMs', () => one.schedule({})],
  ['policy.everyMs', () => one.schedule({ everyMs: 0 })],
  ['policy.initialDelayMs', () => one.schedule({ everyMs: 1, initialDelayMs: -1 })],
  ['policy', () => one.withPolicy({})],
  ['policy', () => one.withPolicy(undefined)],
  ['parent.onCancel', () => createCancelToken(bad)],
  ['callback', () => createCancelToken().onCancel(bad)],
  ['values', () => createContext(bad)],
  ['body', () => runEffect(bad)],
]

describe('bad input', () => {
  it.each(thrown)('%s is refused, by name', (field, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }))
  })

  it.each<[string, Any]>([
    ['options', 1],
    ['options.clock', { clock: {} }],
    ['options.system', { system: {} }],
    ['options.signal', { signal: 1 }],
    ['options.context', { context: {} }],
    ['options.finalizerTimeoutMs', { finalizerTimeoutMs: 0 }],
    ['options.tiemout', { tiemout: 1 }],
  ])('%s of a run is refused, as a rejection, and nothing starts', async (field, options) => {
    const { log, note } = world()
    await expect(note('started').unsafeRunPromise(options)).rejects.toMatchObject({ field })
    await expect(note('started').run(options)).rejects.toMatchObject({ field })
    expect(log).toEqual([])
  })

  it('[result] a clock that is not the system’s is refused', async () => {
    const { system } = world()
    const clock = createControlledClock()
    await expect(one.run({ system, clock })).rejects.toMatchObject({ field: 'options.clock' })
    clock.close()
  })

  it.each<[string, () => Any]>([
    ["what flatMap's function returns", () => succeed(1).flatMap(() => 1 as Any)],
    ["what flatMap's function returns", () => succeed(1).flatMap(() => Promise.resolve(1) as Any)],
    ["what catch's function returns", () => fail(1).catch(() => undefined as Any)],
    [
      "what use's function returns",
      () =>
        acquireUseRelease(
          succeed(1),
          () => 1 as Any,
          () => {},
        ),
    ],
  ])('%s must be an effect', async (field, make) => {
    const { system } = world()
    expect(await make().unsafeRunPromise({ system })).toMatchObject({
      error: { code: 'KEELSON_INVALID_ARGUMENT', field },
    })
    expect(
      await make()
        .catch(() => succeed('caught'))
        .run({ system }),
    ).toBe('caught')
  })

  it('in a body: keys, callbacks and finalisers are checked', async () => {
    const { system } = world()
    const of = (fn: (env: Any) => unknown): Promise<unknown> => effect(fn as Any).unsafeRunPromise({ system })
    expect(await of((env) => env.set(1, 1))).toMatchObject({ error: { field: 'key' } })
    expect(await of((env) => env.cancel.onCancel(1))).toMatchObject({ error: { field: 'callback' } })
    expect(await of((env) => env.scope.push(1))).toMatchObject({ error: { field: 'finalizer' } })
  })

  it('tells an effect from what is none', () => {
    expect([succeed(1), one.map(String), sleep(1)].map(isEffect)).toEqual([true, true, true])
    expect([1, null, undefined, {}, Promise.resolve(), effect].map(isEffect)).toEqual(Array(6).fill(false))
    expect([ok(1), err(1)].map(isEffect)).toEqual([false, false])
  })
})
