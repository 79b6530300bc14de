/** Options that are times: clocks, systems, effects, policies, journals. */
import { Atrion } from 'keelson/atrion'
import { createControlledClock, createSystemClock, ms } from 'keelson/clock'
import * as effects from 'keelson/effect'
import { createJournal, openJournal } from 'keelson/journal'
import { GenServer } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { createTestSystem } from 'keelson/testing'
import { behavior, type Drive, fails, path, type Row, soon, type World } from './times-shared.ts'

const run = (effect: effects.Effect<unknown, unknown>, { system }: World): Promise<unknown> =>
  effect.unsafeRunPromise({ system })

export const core: readonly Row[] = [
  ['clock.sleep', 'ms', (value, { clock }) => clock.sleep(value)],
  ['clock.timeout', 'ms', (value, { clock }) => clock.timeout(value)],
  ['clock.deadline', 'target.wallMs', (value, { clock }) => clock.deadline({ wallMs: value })],
  ['clock.schedule', 'ms', (value, { clock }) => clock.schedule(value, () => undefined)],
  ['clock.interval', 'ms', (value, { clock }) => clock.interval(value, () => undefined)],
  ['clock.advance', 'ms', (value, { clock }) => clock.advance(value)],
  ['clock.set', 'monoMs', (value, { clock }) => clock.set(value)],
  ['clock.advanceBy', 'ms', (value, { clock }) => clock.advanceBy(value)],
  ['clock.advanceTo', 'monoMs', (value, { clock }) => clock.advanceTo(value)],
  ['clock.jumpWallTime', 'wallMs', (value, { clock }) => clock.jumpWallTime(value)],
  ['ms', 'value', (value) => ms(value)],
  [
    'a system clock',
    'ms',
    (value) => {
      const clock = createSystemClock()
      const wait = clock.sleep(value)
      setTimeout(() => clock.close(), 3)
      return wait
    },
  ],
  ['createControlledClock', 'options.initialTime', (value) => createControlledClock({ initialTime: value }).advance(5)],
  [
    'createControlledClock, stallAfterMs',
    'options.stallAfterMs',
    (value) => {
      const clock = createControlledClock({ stallAfterMs: value, onStall: () => undefined })
      void clock.sleep(5)
      return clock.advance(5)
    },
  ],
  [
    'createTestSystem',
    'options.initialTime',
    async (value) => {
      const system = createTestSystem({ initialTime: value })
      await system.clock.advance(5)
      await system.close()
    },
  ],
  [
    'createSystem, closeTimeout',
    'options.closeTimeout',
    async (value) => {
      const system = createSystem({ closeTimeout: value })
      await GenServer.start(behavior, { system })
      void effects
        .sleep(1e6)
        .run({ system })
        .catch(() => undefined)
      await system.close()
    },
  ],

  ['effect.timeout', 'ms', (value, world) => run(effects.effect(soon).timeout(value), world)],
  ['effects.sleep', 'ms', (value, world) => run(effects.sleep(value), world)],
  [
    'retry of effects, backoff',
    'policy.backoff',
    (value, world) => run(effects.effect(fails).retry({ maxAttempts: 2, backoff: value }), world),
  ],
  [
    'retry of effects, baseDelayMs',
    'policy.baseDelayMs',
    (value, world) => run(effects.effect(fails).retry({ maxAttempts: 3, baseDelayMs: value, jitter: 50 }), world),
  ],
  [
    'retry of effects, maxDelayMs',
    'policy.maxDelayMs',
    (value, world) =>
      run(effects.effect(fails).retry({ maxAttempts: 3, baseDelayMs: 5, maxDelayMs: value, jitter: 100 }), world),
  ],
  [
    'repeat of effects',
    'policy.every',
    (value, world) => run(effects.succeed(1).repeat({ times: 2, every: value }), world),
  ],
  [
    'schedule of effects',
    'policy.everyMs',
    (value, world) => run(effects.succeed(1).schedule({ times: 2, everyMs: value }), world),
  ],
  [
    'schedule of effects, initialDelayMs',
    'policy.initialDelayMs',
    (value, world) => run(effects.succeed(1).schedule({ times: 1, everyMs: 5, initialDelayMs: value }), world),
  ],
  [
    'run, finalizerTimeoutMs',
    'options.finalizerTimeoutMs',
    (value, { system }) => effects.effect((env) => env.scope.push(soon)).run({ system, finalizerTimeoutMs: value }),
  ],

  [
    'latency of a policy',
    'options.latencyWindowMs',
    (value, { system }) => effects.retry({ latencyWindowMs: value, system }).execute(soon),
  ],
  ['timeout policy', 'ms', (value, { system }) => effects.timeout(value, { system }).execute(soon)],
  ['hedge', 'options.afterMs', (value, { system }) => effects.hedge({ afterMs: value, system }).execute(soon)],
  [
    'bulkhead',
    'options.queueTimeoutMs',
    (value, { system }) => {
      const limited = effects.bulkhead({ limit: 1, queue: 1, queueTimeoutMs: value, system })
      void limited.execute(soon)
      return limited.execute(soon)
    },
  ],
  [
    'retry policy, backoff',
    'options.backoff',
    (value, { system }) => effects.retry({ backoff: value, maxAttempts: 2, system }).execute(fails),
  ],
  [
    'retry policy, maxDelayMs',
    'options.maxDelayMs',
    (value, { system }) =>
      effects.retry({ maxDelayMs: value, maxAttempts: 2, delayFrom: () => 5, system }).execute(fails),
  ],
  [
    'repeat policy',
    'options.every',
    (value, { system }) => effects.repeat({ every: value, times: 2, system }).execute(soon),
  ],
  [
    'schedule.constant',
    'ms',
    (value, { system }) =>
      effects.retry({ backoff: effects.schedule.constant(value), maxAttempts: 2, system }).execute(fails),
  ],
  [
    'schedule.list',
    'pauses[0]',
    (value, { system }) =>
      effects.retry({ backoff: effects.schedule.list([value]), maxAttempts: 2, system }).execute(fails),
  ],
  ...(['full', 'equal', 'decorrelated', 'none'] as const).flatMap((jitter): [string, string, Drive][] => [
    [
      `schedule.exponential, initialMs, ${jitter}`,
      'options.initialMs',
      (value, { system }) =>
        effects
          .retry({ backoff: effects.schedule.exponential({ initialMs: value, jitter }), maxAttempts: 4, system })
          .execute(fails),
    ],
    [
      `schedule.exponential, maxMs, ${jitter}`,
      'options.maxMs',
      (value, { system }) =>
        effects
          .retry({
            backoff: effects.schedule.exponential({ maxMs: value, factor: 1e300, jitter }),
            maxAttempts: 4,
            system,
          })
          .execute(fails),
    ],
  ]),
  ...(['windowMs', 'slowAfterMs', 'openForMs'] as const).map((name): [string, string, Drive] => [
    `circuit breaker, ${name}`,
    `options.${name}`,
    async (value, { system }) => {
      const breaker = effects.circuitBreaker({
        failureRatio: 0.5,
        windowMs: 1000,
        minimumCalls: 1,
        [name]: value,
        system,
      })
      await breaker.execute(fails).catch(() => undefined)
      return [breaker.state, JSON.stringify(breaker), await breaker.execute(soon).catch(() => undefined)]
    },
  ]),
  ...(['initialMs', 'maxMs'] as const).map((name): [string, string, Drive] => [
    `circuit breaker, openForMs.${name}`,
    `options.openForMs.${name}`,
    async (value, { system }) => {
      const breaker = effects.circuitBreaker({
        consecutive: 1,
        openForMs: { initialMs: 5, factor: 1e300, [name]: value },
        system,
      })
      await breaker.execute(fails).catch(() => undefined)
      return breaker.state
    },
  ]),
  [
    'circuit breaker, halfOpen.timeoutMs',
    'options.halfOpen.timeoutMs',
    async (value, { system, clock }) => {
      const breaker = effects.circuitBreaker({ consecutive: 1, openForMs: 5, halfOpen: { timeoutMs: value }, system })
      await breaker.execute(fails).catch(() => undefined)
      clock.advanceBy(5)
      return breaker.execute(soon)
    },
  ],
  [
    'admit policy',
    'options.timeoutMs',
    (value, { system }) => effects.admit(new Atrion({ system }), 'a', { timeoutMs: value, system }).execute(soon),
  ],

  [
    'journal, fold',
    'options.upTo.wallMs',
    (value, { system }) =>
      createJournal({ system }).fold((sum: number) => sum, { initial: 0, upTo: { wallMs: value } as never }),
  ],
  [
    'journal on disk, maxAgeMs',
    'options.maxAgeMs',
    async (value, { system }) => {
      const journal = await openJournal(path(), { system, maxAgeMs: value })
      await journal.append(1)
      await journal.retain()
      await journal.close()
    },
  ],
  [
    'journal on disk, pollMs',
    'options.pollMs',
    async (value, { system }) => {
      const at = path()
      await (await openJournal(at, { system })).close()
      const reader = await openJournal(at, { system, readOnly: true, pollMs: value })
      const next = reader.tail().next()
      await soon()
      await reader.close()
      return next
    },
  ],
]
