// What a consumer's compiler has to accept of policies, and what it has to refuse.
import {
  bulkhead as bulkheadOfCockatiel,
  ConstantBackoff,
  handleAll,
  retry as ofCockatiel,
  timeout as timeoutOfCockatiel,
  TimeoutStrategy,
} from 'cockatiel'
import { Atrion } from 'keelson/atrion'
import {
  admit,
  bulkhead,
  type CircuitBreaker,
  circuitBreaker,
  fallback,
  type ForeignPolicy,
  hedge,
  keyed,
  isCircuitOpenError,
  type Policy,
  repeat,
  retry,
  retryBudget,
  saga,
  type SavedCircuit,
  schedule,
  timeout,
  wrap,
} from 'keelson/effect'

const budget = retryBudget({ ratio: 0.2 })
const breaker: CircuitBreaker = circuitBreaker({ failureRatio: 0.5, windowMs: 1000, openForMs: { initialMs: 5 } })
const policy = wrap(
  fallback(null),
  timeout(5, { strategy: 'cooperative' }),
  retry({ maxAttempts: 2, backoff: schedule.exponential({ jitter: 'decorrelated' }), budget }),
  breaker,
  bulkhead({ limit: 5, queueTimeoutMs: 5 }),
  hedge({ afterMs: 5, percentile: 0.9 }),
  repeat({ every: 5, times: 2 }),
  admit(new Atrion(), 'db', { priority: 'critical' }),
)
policy satisfies Policy

// The value is the task's, whether it is a promise or not.
;(await policy.execute(({ signal, attempt }) => [signal.aborted, attempt] as const)) satisfies readonly [
  boolean,
  number,
]
;(await breaker.execute(async () => 'text', { signal: AbortSignal.timeout(5) })) satisfies string
// @ts-expect-error: the task gives a number
const text: string = await policy.execute(() => 5)
void text

// A wrapped function keeps its arguments and its `this`.
const wrapped = policy.wrapFunction(function add(this: { base: number }, one: number, two?: string) {
  return Promise.resolve(`${this.base + one}${two}`)
})
wrapped satisfies (this: { base: number }, one: number, two?: string) => Promise<string>
// @ts-expect-error: the first argument is a number
void wrapped.call({ base: 1 }, 'one')
// @ts-expect-error: it needs its `this`
void wrapped(1)

// Events are those of the policy, with what they tell.
breaker.on('open', ({ openForMs, error }) => [openForMs satisfies number, error satisfies unknown])() satisfies void
// @ts-expect-error: a breaker does not retry
breaker.on('retry', () => {})
// @ts-expect-error: nor does an opening tell a value
breaker.on('open', ({ value }) => value)

const saved: SavedCircuit = breaker.toJSON()
circuitBreaker({ state: saved }).state satisfies 'closed' | 'open' | 'halfOpen' | 'isolated'
const error: unknown = undefined
if (isCircuitOpenError(error)) error.retryAfterMs satisfies number | undefined

// @ts-expect-error: a bulkhead needs its limit
bulkhead({})
// @ts-expect-error: a hedge needs its time
hedge({ max: 3 })
// @ts-expect-error: a repeat needs its pause
repeat({ times: 3 })
// @ts-expect-error: there is no such jitter
schedule.exponential({ jitter: 'some' })
// Policies of cockatiel go into a stack as they are.
wrap(
  timeout(2000),
  ofCockatiel(handleAll, { maxAttempts: 3, backoff: new ConstantBackoff(5) }),
  timeoutOfCockatiel(5, TimeoutStrategy.Cooperative),
  bulkheadOfCockatiel(2),
).policies satisfies readonly ForeignPolicy[]
// One of them per key, too.
await keyed((limit: number) => bulkheadOfCockatiel(limit)).execute(2, () => 5)
// @ts-expect-error: a foreign policy is called with a task and a signal
wrap({ execute: (task: string) => Promise.resolve(task) })
// @ts-expect-error: policies are objects with execute
wrap(timeout(5), () => 5)
// @ts-expect-error: there is no such option
retry({ attempts: 5 })

// Bulkheads take a priority of the function's own arguments, and calls take one.
bulkhead({ limit: 1, queue: Infinity, priority: (job: { urgent: boolean }) => (job.urgent ? 1 : 0) }).resize(2)
void policy.execute(() => 1, { priority: 2 })
// @ts-expect-error: a priority is a number
void policy.execute(() => 1, { priority: 'high' })
policy.stats.latency.p99Ms satisfies number | undefined
policy.stats.policies satisfies readonly { readonly name: string; readonly stats: object }[]

// A registry returns the policy that its function creates, by the function's key.
const breakers = keyed((host: string) => circuitBreaker({ name: host }), { maxKeys: 5 })
breakers.get('a') satisfies CircuitBreaker
breakers.stats.get('a')?.opens satisfies number | undefined
// @ts-expect-error: keys are strings here
breakers.get(5)
;(await breakers.execute('a', () => 'text')) satisfies string
;(await breakers.fetch('a', 'https://example.com', { method: 'POST' })).status satisfies number
// @ts-expect-error: there is no such option
void policy.fetch('https://example.com', {}, { isFailed: () => true })

// A saga has the results of its steps in order, and each compensation gets its own.
const [seat, room] = await saga([
  { name: 'seat', run: () => 12, compensate: (result) => result.toFixed() },
  { name: 'room', run: async () => ({ id: 'a' }), compensate: ({ id }) => id.length },
])
seat satisfies number
room satisfies { id: string }
// @ts-expect-error: a step has a name
void saga([{ run: () => 1 }])
