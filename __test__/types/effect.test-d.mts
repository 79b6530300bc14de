// What a consumer's compiler has to accept of effects, and what it has to refuse.
import { createControlledClock } from 'keelson/clock'
import type { Schedule as RootSchedule, Timeout as RootTimeout } from 'keelson'
import {
  acquireUseRelease,
  all,
  type Cause,
  circuitBreaker,
  Deferred,
  Effect,
  effect,
  type EffectEnv,
  type EffectEvent,
  fail,
  type Fiber,
  type FinalizerScope,
  type Interrupted,
  type Policy,
  Queue,
  type QueueShutdownError,
  race,
  type RepeatPolicy,
  type Result,
  retry,
  retryBudget,
  type RetryPolicy,
  runEffect,
  type Schedule,
  schedule,
  type SchedulePolicy,
  Semaphore,
  sleep,
  succeed,
  type Timeout,
  type TimeoutPolicy,
  timeout,
} from 'keelson/effect'

type User = { readonly name: string }
const load = effect<'offline', User>(async ({ signal }) =>
  signal.aborted ? { _tag: 'Err', error: 'offline' } : { _tag: 'Ok', value: { name: 'ada' } },
)
load satisfies Effect<'offline', User>
;(await load.unsafeRunPromise()) satisfies Result<'offline' | Interrupted, User>
;(await load.run({ signal: AbortSignal.timeout(5) })) satisfies User
effect(async () => 5) satisfies Effect<unknown, number>

// Errors add up, and what is caught goes.
load.timeout(5) satisfies Effect<'offline' | Timeout, User>
load.timeout(5).catch(() => succeed(null)) satisfies Effect<never, User | null>
load.flatMap((user) => fail({ code: user.name.length })) satisfies Effect<'offline' | { code: number }, never>
// A policy has errors of its own.
load.withPolicy(circuitBreaker()) satisfies Effect<'offline' | Error, User>
// @ts-expect-error: and whoever takes the error has to know
load.withPolicy(circuitBreaker()) satisfies Effect<'offline', User>

// Together.
all([succeed(1), load, sleep(5)]) satisfies Effect<'offline', [number, User, void]>
race([succeed(1), load]) satisfies Effect<'offline', number | User>
;(await load.fork().run()) satisfies Fiber<'offline', User>
acquireUseRelease(
  load,
  ({ name }) => succeed(name),
  (user, cause) => void [user.name, cause satisfies Cause],
)

// Again.
const policy: RetryPolicy<'offline'> = {
  maxAttempts: 3,
  baseDelayMs: 10,
  jitter: 20,
  when: (error) => error === 'offline',
}
load.retry(policy)
load.retry({ maxAttempts: 3, backoff: schedule.exponential(), budget: retryBudget() })
load.repeat({ every: 10, until: (user) => user.name === 'grace' } satisfies RepeatPolicy<User>)
load.schedule({ everyMs: 10, times: 2 } satisfies SchedulePolicy)
// @ts-expect-error: it has to say how often
load.retry({})

// One name, one thing, also at the root.
const root: RootSchedule = schedule.constant(5) satisfies Schedule
void root
const tag: RootTimeout = { _tag: 'Timeout' } satisfies Timeout
void tag
timeout(5) satisfies TimeoutPolicy satisfies Policy
retry() satisfies Policy

// The scope of the environment is what its type says.
effect((env: EffectEnv) => (env.scope satisfies FinalizerScope).push((cause: Cause) => cause))
;(await runEffect(async (ctx) => ctx.get<number>('n'))) satisfies number | undefined

// @ts-expect-error: what flatMap goes on with is an effect
load.flatMap(() => 5)
// @ts-expect-error: a policy is an object with execute
load.withPolicy(() => 5)
// @ts-expect-error: an effect is not awaited by itself
;(await load) satisfies User

// Callbacks may give back anything.
const found: number[] = []
const ticking = createControlledClock()
ticking.interval(5, () => found.push(1))
ticking.schedule(5, () => found.push(1))
acquireUseRelease(
  succeed({ close: () => true }),
  () => succeed(1),
  (db) => db.close(),
) satisfies Effect<never, number>
// Who is told is a second argument everywhere.
const emit = (event: EffectEvent): unknown => found.push(event.timestamp)
all([succeed(1, { emit }), fail('no', { emit })], { emit, concurrency: 2 })
race([succeed(1)], { emit })
load.timeout(5).catch((error) => succeed((error as Timeout).message satisfies string | undefined))

// A generator infers its value, and its errors from all yield*.
interface NotFound {
  readonly _tag: 'NotFound'
}
interface Denied {
  readonly _tag: 'Denied'
}
const find: Effect<NotFound | Denied, User> = succeed({ name: 'Ada' })
const story = Effect.gen(function* () {
  const user = yield* find
  const count = yield* succeed(1).timeout(5)
  return [user.name, count] as const
})
story satisfies Effect<NotFound | Denied | Timeout, readonly [string, number]>
// @ts-expect-error: only effects are yielded
Effect.gen(function* () {
  yield 5
})

// catchTag handles one error, which it narrows, and leaves the others.
const handled = find.catchTag('NotFound', ({ _tag }) => succeed(_tag))
handled satisfies Effect<Denied, User | 'NotFound'>
// @ts-expect-error: there is no such error
find.catchTag('NotFond', () => succeed(1))
effect(() => 1).catchTag('Anything', ({ _tag }) => succeed(_tag))

succeed(1).zip(find) satisfies Effect<NotFound | Denied, [number, User]>
Effect.forEach(new Set([1, 2]), (n, index) => succeed(`${n + index}`), { concurrency: 2 }) satisfies Effect<
  never,
  string[]
>

// Deferred values, queues and semaphores carry their types.
const later = Deferred.make<Denied, number>()
later.await() satisfies Effect<Denied, number>
// @ts-expect-error: its value is a number
later.succeed('5')
const jobs = Queue.bounded<User>(5)
jobs.take() satisfies Effect<QueueShutdownError, User>
jobs.take().catchTag('QueueShutdown', () => succeed(undefined)) satisfies Effect<never, User | undefined>
// @ts-expect-error: its items are users
jobs.offer(5)
Semaphore.make(2).withPermits(1)(find) satisfies Effect<NotFound | Denied, User>
