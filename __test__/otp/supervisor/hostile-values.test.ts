/** Start functions and options of supervisors may be any value. One of them harms nobody else. */
import {
  type Clock,
  createControlledClock,
  createSystem,
  GenServer,
  isInvalidArgumentError,
  PartitionSupervisor,
  Supervisor,
  type System,
} from 'keelson'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { systemWith } from '../../support/system.ts'

const behavior = {
  init: () => 0,
  handleCall: (_: unknown, state: number) => [state, state] as const,
  handleCast: (message: unknown, state: number): number => {
    if (message === 'crash') throw new Error('crash')
    return state
  },
}

let system: System
let reported: unknown[]
beforeEach(() => {
  reported = []
  system = systemWith((error) => reported.push(error))
})
afterEach(async () => {
  // Another supervisor of the system works, whatever became of the first.
  const other = await Supervisor.start({
    system,
    children: [{ id: 'w', start: () => GenServer.start(behavior, { system }) }],
  })
  expect(Supervisor.countChildren(other)).toBe(1)
  await system.close()
  expect(reported).toEqual([])
})

const bare = (): object => Object.assign(Object.create(null) as object, { status: 500 })
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
class Odd extends Error {
  override get message(): string {
    throw new Error('no message')
  }
}
const values: [string, () => unknown][] = [
  ['an object without a prototype', bare],
  ['a symbol', () => Symbol('s')],
  ['nothing', () => undefined],
  ['a revoked proxy', revoked],
  ['an error whose message throws', () => new Odd()],
  [
    'an object whose text throws',
    () => ({
      toString: () => {
        throw new Error('no text')
      },
    }),
  ],
]

describe('a start function', () => {
  it.each(values)('may throw %s, at once or later [hostile-start]', async (_, make) => {
    const starts = [
      (): never => {
        throw make()
      },
      (): Promise<never> => Promise.reject(make() as Error),
    ]
    for (const start of starts) {
      expect(await rejection(Supervisor.start({ system, children: [{ id: 'a', start }] }))).toBeInstanceOf(Error)
      const supervisor = await Supervisor.start({ system })
      expect(await rejection(Supervisor.startChild(supervisor, { id: 'a', start }))).toBeInstanceOf(Error)
      expect(Supervisor.countChildren(supervisor)).toBe(0)
    }
  })

  it.each(values)('may lead to %s [hostile-start]', async (_, make) => {
    for (const start of [() => make() as never, async () => make() as never]) {
      const supervisor = await Supervisor.start({ system })
      const refused = await rejection(Supervisor.startChild(supervisor, { id: 'a', start }))
      expect(refused).toBeInstanceOf(Error)
    }
  })

  it('is awaited as await does: `then` is read once, and heard once [hostile-start]', async () => {
    const ref = await GenServer.start(behavior, { system })
    let reads = 0
    const thenable = {
      get then() {
        reads++
        return (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
          resolve(ref)
          resolve(5)
          reject(new Error('too late'))
          throw new Error('later still')
        }
      },
    }
    const supervisor = await Supervisor.start({ system })
    expect(await Supervisor.startChild(supervisor, { id: 'a', start: () => thenable as never })).toBe(ref)
    expect(reads).toBe(1)
    const angry = {
      get then(): never {
        throw new Error('no then')
      },
    }
    expect(await rejection(Supervisor.startChild(supervisor, { id: 'b', start: () => angry as never }))).toMatchObject({
      message: 'no then',
    })
  })
})

describe('times', () => {
  const start = (): ReturnType<typeof GenServer.start> => GenServer.start(behavior, { system })
  const huge = [Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, 8.64e15, 8.64e15 + 1, Infinity]

  it.each(huge)('a timeout of %d is a long one [shutdown-timeout]', async (ms) => {
    const child = { id: 'a', start, shutdownTimeout: ms, startTimeout: ms }
    const supervisor = await Supervisor.start({ system, children: [child] })
    await Supervisor.restartChild(supervisor, 'a')
    await Supervisor.stop(supervisor)
    const dynamic = await Supervisor.start({
      system,
      strategy: 'simple_one_for_one',
      childTemplate: { start, shutdownTimeout: ms, startTimeout: ms },
    })
    await Supervisor.startChild(dynamic, [])
    await Supervisor.stop(dynamic)
    const partitions = await PartitionSupervisor.start({
      system,
      start,
      partitions: 2,
      shutdownTimeout: ms,
      startTimeout: ms,
    })
    await PartitionSupervisor.stop(partitions)
    expect(system.clock.getPendingTimerCount?.() ?? 0).toBe(0)
  })

  it.each([NaN, -1, '5', 5n, null, {}])('a timeout of %s is refused by name, and nothing is started', async (bad) => {
    const ms = bad as number
    let starts = 0
    const counted = (): ReturnType<typeof start> => {
      starts++
      return start()
    }
    for (const field of ['shutdownTimeout', 'startTimeout']) {
      const spec = { id: 'a', start: counted, [field]: ms }
      const refused = await rejection(Supervisor.start({ system, children: [{ id: 'x', start: counted }, spec] }))
      expect(refused).toMatchObject({ field: `options.children[1].${field}` })
      const supervisor = await Supervisor.start({ system })
      expect(await rejection(Supervisor.startChild(supervisor, spec))).toMatchObject({ field: `spec.${field}` })
    }
    expect(starts).toBe(0)
  })

  it.each([
    ['initialMs', { initialMs: 1e16, maxMs: 1e17 }],
    ['maxMs', { initialMs: 1, maxMs: Number.MAX_SAFE_INTEGER }],
    ['jitter', { initialMs: 1, maxMs: 5, jitter: '0.5' as unknown as number }],
    ['factor', { initialMs: 1, maxMs: 5, factor: Infinity }],
  ])('a delay that no clock takes is refused: %s', async (name, backoff) => {
    expect(await rejection(Supervisor.start({ system, backoff }))).toMatchObject({ field: `options.backoff.${name}` })
    const children = [{ id: 'a', start, backoff }]
    expect(await rejection(Supervisor.start({ system, children }))).toMatchObject({
      field: `options.children[0].backoff.${name}`,
    })
  })

  it('a specification is read once: what its owner makes of it later changes nothing', async () => {
    const backoff = { initialMs: 5, maxMs: 5, jitter: 0 }
    const spec = { id: 'a', start, shutdownTimeout: 50, backoff }
    const supervisor = await Supervisor.start({ system })
    const begun = Supervisor.startChild(supervisor, spec)
    Object.assign(spec, { id: 'b', start: () => 5, shutdownTimeout: NaN })
    Object.assign(backoff, { initialMs: NaN, maxMs: NaN })
    const ref = await begun
    GenServer.cast(ref as never, 'crash')
    await (system.clock as ReturnType<typeof createControlledClock>).advance(5)
    expect(Supervisor.getChild(supervisor, 'a')?.restartCount).toBe(1)
    await Supervisor.stop(supervisor)
  })
})

it('a clock that throws harms only whoever waits for it', async () => {
  const base = createControlledClock()
  let isBroken = false
  const clock: Clock = new Proxy(base, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (isBroken && (name === 'schedule' || name === 'timer')) throw new Error('no time')
        return Reflect.apply(value as () => unknown, target, args)
      }
    },
  })
  const errors: unknown[] = []
  const own = createSystem({ clock, onError: (error) => errors.push(error) })
  const supervisor = await Supervisor.start({
    system: own,
    children: [{ id: 'a', start: () => GenServer.start(behavior, { system: own }) }],
  })
  isBroken = true
  await Supervisor.stop(supervisor)
  expect(errors).toMatchObject([{ message: 'no time' }])
  isBroken = false
  await Supervisor.start({ system: own })
  await own.close()
})

it('a list of arguments that answers no question is refused', async () => {
  const supervisor = await Supervisor.start({ system })
  expect(isInvalidArgumentError(await rejection(Supervisor.startChild(supervisor, revoked() as never)))).toBe(true)
})
