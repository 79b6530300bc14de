/** Options that are times: processes, services, admission, adapters. */
import { createServer } from 'node:http'
import { expect } from 'vitest'
import { Atrion, InMemoryProvider, RedisStateProvider } from 'keelson/atrion'
import { admission, gracefulShutdown, rateLimit } from 'keelson/express'
import {
  Agent,
  Cache,
  EventBus,
  GenServer,
  Limiter,
  PartitionSupervisor,
  RateLimiter,
  Supervisor,
  Task,
  TimerService,
} from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import type { System } from 'keelson/system'
import { behavior, type Drive, never, path, type Row, soon, unique } from './times-shared.ts'

const slowInit = { ...behavior, init: () => soon() }
const child = (system: System, extra: object = {}): object => ({
  id: 'a',
  start: () => GenServer.start(behavior, { system }),
  ...extra,
})
const refuse = (field: string): never => {
  throw Object.assign(new Error('no number'), { code: 'KEELSON_INVALID_ARGUMENT', field })
}

export const services: readonly Row[] = [
  [
    'GenServer.call',
    'options.timeout',
    async (value, { system }) =>
      GenServer.call(
        await GenServer.start({ ...behavior, handleCall: async () => [await soon(), 0] } as never, { system }),
        1 as never,
        { timeout: value },
      ),
  ],
  [
    'GenServer.call that waits',
    'options.timeout',
    async (value, { system }) => {
      const ref = await GenServer.start({ ...behavior, handleCall: never } as never, { system })
      void GenServer.call(ref, 1 as never, { timeout: value }).catch(() => undefined)
      const other = await GenServer.start(behavior, { system })
      expect(await GenServer.call(other, 1 as never)).toBe(0)
      return GenServer.call(other, 1 as never, { timeout: value })
    },
  ],
  [
    'GenServer.start',
    'options.initTimeout',
    (value, { system }) => GenServer.start(slowInit as never, { system, initTimeout: value }),
  ],
  [
    'GenServer.sendAfter',
    'delayMs',
    async (value, { system }) => GenServer.sendAfter(await GenServer.start(behavior, { system }), 1 as never, value),
  ],
  [
    'Agent.get',
    'options.timeout',
    async (value, { system }) =>
      Agent.get(await Agent.start(() => 0, { system }), (state) => state, { timeout: value } as never),
  ],
  ['Task.async', 'options.timeout', (value, { system }) => Task.await(Task.async(soon, { system, timeout: value }))],
  [
    'Task.await',
    'options.timeout',
    (value, { system }) => Task.await(Task.async(soon, { system }), { timeout: value }),
  ],
  [
    'Task.await, a number',
    'timeout',
    (value, { system }) =>
      typeof value === 'number' ? Task.await(Task.async(soon, { system }), value) : refuse('timeout'),
  ],
  [
    'Task.awaitAll',
    'options.timeout',
    (value, { system }) => Task.awaitAll([Task.async(soon, { system })], { timeout: value } as never),
  ],
  [
    'Task.asyncStream',
    'options.timeout',
    async (value, { system }) => {
      const seen: unknown[] = []
      for await (const one of Task.asyncStream([1, 2], soon, { system, timeout: value })) seen.push(one)
      return seen
    },
  ],
  [
    'EventBus.next',
    'options.timeout',
    async (value, { system }) => {
      const bus = await EventBus.start({ system })
      const next = EventBus.next(bus, 'a', { timeout: value })
      await EventBus.publish(bus, 'a', 1)
      return next
    },
  ],
  ...(
    ['defaultTtlMs', 'staleWhileRevalidateMs', 'staleIfErrorMs', 'negativeTtlMs', 'sweepIntervalMs'] as const
  ).flatMap((name) =>
    [false, true].map((shared): [string, string, Drive] => [
      `Cache${shared ? ', shared' : ''}, ${name}`,
      `options.${name}`,
      async (value, { system }) => {
        const cache = await Cache.start({
          system,
          name: `c${unique()}`,
          shared,
          ttlJitter: 0.5,
          [name]: value,
        } as never)
        await Cache.set(cache, 'a', 1)
        await Cache.getOrSet(cache, 'b', () => null)
        return Cache.get(cache, 'a')
      },
    ]),
  ),
  [
    'Cache.setMany, ttlMs',
    'options.ttlMs',
    async (value, { system }) => {
      const cache = await Cache.start({ system })
      await Cache.setMany(cache, [['a', 1]], { ttlMs: value, sliding: true })
      return Cache.getMany(cache, ['a'])
    },
  ],
  [
    'Cache.load, ttlMs',
    'dump.entries[0].ttlMs',
    async (value, { system }) => {
      const cache = await Cache.start({ system })
      return Cache.load(cache, { version: 1, savedAtMs: 0, entries: [{ key: 'a', value: 1, ttlMs: value }] })
    },
  ],
  [
    'Cache.memoize, ttlMs',
    'options.ttlMs',
    async (value, { system }) => {
      const cache = await Cache.start({ system })
      return Cache.memoize(() => 1, { cache, ttlMs: value, key: () => 'a' })()
    },
  ],
  [
    'Cache.set, ttlMs',
    'options.ttlMs',
    async (value, { system }) => {
      const cache = await Cache.start({ system })
      await Cache.set(cache, 'a', 1, { ttlMs: value })
      return Cache.get(cache, 'a')
    },
  ],
  [
    'TimerService.start, retryMs',
    'options.retryMs',
    async (value, { system }) => {
      const timers = await TimerService.start({ system, retryMs: value })
      return TimerService.schedule(timers, 'nobody', 1, 0)
    },
  ],
  [
    'TimerService.schedule',
    'delayMs',
    async (value, { system }) =>
      TimerService.schedule(await TimerService.start({ system, path: path() }), 'nobody', 1, value),
  ],
  [
    'TimerService.schedule, repeat',
    'options.repeat',
    async (value, { system }) => {
      const ref = await GenServer.start(behavior, { system })
      const timers = await TimerService.start({ system })
      const id = await TimerService.schedule(timers, ref as never, 1, 0, { repeat: value })
      await TimerService.cancel(timers, id)
    },
  ],
  ...(['windowMs', 'blockDurationMs'] as const).flatMap((name) =>
    ['gcra', 'sliding-log', 'sliding-counter'].map((algorithm): [string, string, Drive] => [
      `RateLimiter, ${algorithm}, ${name}`,
      `options.${name}`,
      async (value, { system }) => {
        const limiter = await RateLimiter.start({
          system,
          maxRequests: 2,
          windowMs: 1000,
          algorithm,
          [name]: value,
        } as never)
        const own = new Limiter({ system, maxRequests: 2, windowMs: 1000, algorithm, [name]: value } as never)
        for (let call = 0; call < 4; call++) own.take('k')
        return RateLimiter.check(limiter, 'k')
      },
    ]),
  ),
  [
    'Limiter.block',
    'durationMs',
    (value, { system }) => new Limiter({ system, maxRequests: 2, windowMs: 1000 }).block('k', value),
  ],
  [
    'Supervisor, withinMs',
    'options.restartIntensity.withinMs',
    (value, { system }) => Supervisor.start({ system, restartIntensity: { maxRestarts: 1, withinMs: value } } as never),
  ],
  [
    'Supervisor, shutdownTimeout',
    'options.children[0].shutdownTimeout',
    async (value, { system }) =>
      Supervisor.stop(
        await Supervisor.start({ system, children: [child(system, { shutdownTimeout: value })] } as never),
      ),
  ],
  [
    'Supervisor, startTimeout',
    'options.children[0].startTimeout',
    (value, { system }) => Supervisor.start({ system, children: [child(system, { startTimeout: value })] } as never),
  ],
  ...(['initialMs', 'maxMs'] as const).map((name): [string, string, Drive] => [
    `Supervisor, backoff.${name}`,
    `options.children[0].backoff.${name}`,
    async (value, { system }) =>
      Supervisor.start({
        system,
        children: [child(system, { backoff: { initialMs: 0, maxMs: 8.64e15, [name]: value } })],
      } as never),
  ]),
  [
    'PartitionSupervisor, shutdownTimeout',
    'shutdownTimeout',
    (value, { system }) =>
      PartitionSupervisor.start({
        system,
        partitions: 2,
        start: () => GenServer.start(behavior, { system }),
        shutdownTimeout: value,
      } as never),
  ],

  [
    'process, ask',
    'timeout',
    (value, { system }) => {
      const ref = createRootSupervisor({ system }).spawn(
        {
          name: 'p',
          init: () => 0,
          handle: (state: number, message: { reply: (n: number) => void }) => {
            message.reply(1)
            return state
          },
        } as never,
        undefined as never,
      ) as { ask(build: (reply: unknown) => unknown, timeout: unknown): Promise<unknown> }
      return ref.ask((reply) => ({ reply }), value)
    },
  ],
  ...(['initial', 'max'] as const).map((name): [string, string, Drive] => [
    `process, backoff.${name}`,
    `backoff.${name}`,
    (value, { system }) =>
      createRootSupervisor({ system }).spawn(
        {
          name: 'p',
          init: () => 0,
          handle: (state: number) => state,
          supervision: { type: 'one-for-one', backoff: { initial: 0, max: 8.64e15, factor: 2, [name]: value } },
        } as never,
        undefined as never,
      ),
  ]),
  [
    'process, maxRestarts.within',
    'maxRestarts.within',
    (value, { system }) =>
      createRootSupervisor({ system }).spawn(
        {
          name: 'p',
          init: () => 0,
          handle: (state: number) => state,
          supervision: {
            type: 'one-for-one',
            backoff: { initial: 0, max: 5, factor: 2 },
            maxRestarts: { count: 1, within: value },
          },
        } as never,
        undefined as never,
      ),
  ],

  ...(['timeoutMs', 'maxWaitMs'] as const).map((name): [string, string, Drive] => [
    `Atrion.admit, ${name}`,
    `options.${name}`,
    async (value, { system }) => {
      const atrion = new Atrion({ system, admission: { limit: 1 } } as never)
      const first = (await atrion.admit('a')) as { done?: () => void }
      const second = atrion.admit('a', { [name]: value })
      first.done?.()
      return second
    },
  ]),
  [
    'Atrion.run',
    'options.timeoutMs',
    (value, { system }) => new Atrion({ system }).run('a', soon, { timeoutMs: value }),
  ],
  ...(['timeoutMs', 'heartbeatMs'] as const).map((name): [string, string, Drive] => [
    `Atrion.startTask, ${name}`,
    `options.${name}`,
    async (value, { system }) => {
      const lease = await new Atrion({ system }).startTask('a', { [name]: value })
      lease.heartbeat()
      await lease.release()
    },
  ]),
  ...(['maxDurationMs', 'heartbeatMs'] as const).map((name): [string, string, Drive] => [
    `profile, ${name}`,
    `profile.${name}`,
    async (value, { system }) => {
      const atrion = new Atrion({ system })
      atrion.defineProfile('own', { extends: 'LIGHT', [name]: value } as never)
      await (await atrion.startTask('a', { profile: 'own' })).release()
    },
  ]),
  ...(['intervalMs', 'timeoutMs', 'maxAgeMs'] as const).map((name): [string, string, Drive] => [
    `sync, ${name}`,
    `options.sync.${name}`,
    async (value, { system }) => {
      const atrion = new Atrion({ system, provider: new InMemoryProvider(), sync: { [name]: value } } as never)
      await atrion.connect()
      await atrion.disconnect()
    },
  ]),
  ...(['ttlMs', 'connectTimeoutMs'] as const).map((name): [string, string, Drive] => [
    `RedisStateProvider, ${name}`,
    `options.${name}`,
    (value) => new RedisStateProvider('redis://127.0.0.1:1', { [name]: value }),
  ]),
  ...(['queueDeadlineMs', 'ticketTimeoutMs', 'errorWindowMs', 'latencyBaselineMs'] as const).map(
    (name): [string, string, Drive] => [
      `Atrion, admission.${name}`,
      `options.admission.${name}`,
      async (value, { system }) => {
        const atrion = new Atrion({ system, admission: { limit: 1, [name]: value } } as never)
        const first = (await atrion.admit('a')) as { done?: () => void }
        const second = atrion.admit('a')
        first.done?.()
        return second
      },
    ],
  ),
  ['admission()', 'options.timeoutMs', (value, { system }) => admission({ system, timeoutMs: value } as never)],
  [
    'admission(), maxWaitMs',
    'options.maxWaitMs',
    (value, { system }) => admission({ system, maxWaitMs: value } as never),
  ],
  ...(['windowMs', 'blockDurationMs'] as const).map((name): [string, string, Drive] => [
    `rateLimit(), ${name}`,
    `options.${name}`,
    (value, { system }) => rateLimit({ system, limit: 2, windowMs: 1000, [name]: value } as never),
  ]),
  ...(['timeout', 'closeTimeout', 'delay'] as const).map((name): [string, string, Drive] => [
    `gracefulShutdown, ${name}`,
    `options.${name}`,
    (value, { system }) => {
      // Its end would be the end of this program.
      const shutdown = gracefulShutdown(createServer(), { system, exit: false, [name]: value } as never)
      shutdown.dispose()
    },
  ]),
]
