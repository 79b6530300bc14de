// Policies: what a call costs under them, against the libraries of Node that have them.
import * as cockatiel from 'cockatiel'
import { bulkhead, circuitBreaker, hedge, retry, timeout, wrap } from 'keelson/effect'
import Opossum from 'opossum'

const calls = 100_000
const few = 10_000
const fewest = 500
const work = async () => 1
const forever = () => new Promise(() => {})
const broken = () => Promise.reject(failure)
const failure = new Error('broken')

/** Makes so many calls, one after the other; a call that did not do its work fails the case. */
const inTurn =
  (count, task = work) =>
  async (policy) => {
    let done = 0
    for (let call = 0; call < count; call += 1) done += await policy.execute(task)
    if (done !== count) throw new Error(`${done} of ${count} calls`)
  }

/** Makes so many calls that are refused. */
const refused = (count, isRefusal, run) => async (policy) => {
  let refusals = 0
  const onError = (error) => {
    if (isRefusal(error)) refusals += 1
  }
  for (let call = 0; call < count; call += 1) await run(policy).catch(onError)
  if (refusals !== count) throw new Error(`${refusals} refusals of ${count}`)
}

const stack = wrap(timeout(1000), retry(), circuitBreaker(), bulkhead({ limit: 10, queue: 10 }))
const cockatielStack = cockatiel.wrap(
  cockatiel.timeout(1000, cockatiel.TimeoutStrategy.Aggressive),
  cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2 }),
  cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: 5000,
    breaker: new cockatiel.ConsecutiveBreaker(5),
  }),
  cockatiel.bulkhead(10, 10),
)
/** Opossum has no retry and no stack: this is its timeout, breaker and capacity. */
const opossum = (task, options) => new Opossum(task, { timeout: 1000, capacity: 10, ...options })
const opossumStack = opossum(work)
const fireInTurn = async () => {
  let done = 0
  for (let call = 0; call < calls; call += 1) done += await opossumStack.fire()
  if (done !== calls) throw new Error(`${done} of ${calls} calls`)
}

const open = circuitBreaker()
open.isolate()
const openStack = wrap(timeout(1000), retry(), open, bulkhead({ limit: 10 }))
const cockatielOpen = cockatiel.circuitBreaker(cockatiel.handleAll, {
  halfOpenAfter: 5000,
  breaker: new cockatiel.ConsecutiveBreaker(5),
})
cockatielOpen.isolate()
const opossumOpen = opossum(work, { timeout: false })
opossumOpen.open()

/** Ours opened as in life: by failures, with a time after which it asks again. */
const tripped = async () => {
  const breaker = circuitBreaker({ consecutive: 1, openForMs: 3_600_000 })
  await breaker.execute(broken).catch(() => {})
  return breaker
}

const full = bulkhead({ limit: 1 })
void full.execute(forever)
const cockatielFull = cockatiel.bulkhead(1)
void cockatielFull.execute(forever)
// Its breaker would open at the second refusal, and be what is measured.
const opossumFull = opossum(forever, { timeout: false, capacity: 1, volumeThreshold: Number.MAX_SAFE_INTEGER })
void opossumFull.fire()

/** Fails each other time it is called. */
const flaky = () => {
  let turn = 0
  return () => {
    turn += 1
    return turn % 2 === 1 ? broken() : work()
  }
}

const oursIsOpen = (error) => error.code === 'KEELSON_CIRCUIT_OPEN'
const oursIsFull = (error) => error.code === 'KEELSON_BULKHEAD_REJECTED'

export default {
  name: 'policy',
  cases: [
    {
      name: 'a call: timeout, retry, breaker, bulkhead',
      unit: 'ns/op',
      iterations: calls,
      ours: () => inTurn(calls)(stack),
      peer: { name: 'cockatiel', fn: () => inTurn(calls)(cockatielStack) },
      bar: { value: 2100 },
    },
    {
      name: 'the same, against timeout, breaker and capacity',
      unit: 'ns/op',
      iterations: calls,
      ours: () => inTurn(calls)(stack),
      peer: { name: 'opossum', fn: fireInTurn },
      bar: { ratio: 1 },
    },
    {
      name: 'a call with a signal, through the stack',
      unit: 'ns/op',
      iterations: calls,
      setup: () => new AbortController().signal,
      ours: async (signal) => {
        for (let call = 0; call < calls; call += 1) await stack.execute(work, { signal })
      },
      peer: {
        name: 'cockatiel',
        fn: async (signal) => {
          for (let call = 0; call < calls; call += 1) await cockatielStack.execute(work, signal)
        },
      },
    },
    {
      name: 'rejected: the breaker is open',
      unit: 'ns/op',
      iterations: calls,
      setup: tripped,
      ours: refused(calls, oursIsOpen, (breaker) => breaker.execute(work)),
      peer: {
        name: 'cockatiel',
        fn: refused(calls, cockatiel.isBrokenCircuitError, () => cockatielOpen.execute(work)),
      },
      bar: { value: 500 },
    },
    {
      name: 'rejected: the breaker is open, against opossum',
      unit: 'ns/op',
      iterations: calls,
      setup: tripped,
      ours: refused(calls, oursIsOpen, (breaker) => breaker.execute(work)),
      peer: {
        name: 'opossum',
        fn: refused(
          calls,
          (error) => error.code === 'EOPENBREAKER',
          () => opossumOpen.fire(),
        ),
      },
      bar: { value: 500 },
    },
    {
      name: 'rejected: the breaker in a stack is open',
      unit: 'ns/op',
      iterations: calls,
      ours: refused(calls, oursIsOpen, () => openStack.execute(work)),
      bar: { value: 1000 },
    },
    {
      name: 'rejected: the bulkhead is full',
      unit: 'ns/op',
      iterations: calls,
      ours: refused(calls, oursIsFull, () => full.execute(work)),
      peer: {
        name: 'cockatiel',
        fn: refused(calls, cockatiel.isBulkheadRejectedError, () => cockatielFull.execute(work)),
      },
      bar: { value: 500 },
    },
    {
      name: 'rejected: the bulkhead is full, against opossum',
      unit: 'ns/op',
      // A rejection of opossum costs more, the more of them its window of ten seconds holds: 100,000 would take hours.
      iterations: fewest,
      ours: refused(fewest, oursIsFull, () => full.execute(work)),
      peer: {
        name: 'opossum',
        fn: refused(
          fewest,
          (error) => error.code === 'ESEMLOCKED',
          () => opossumFull.fire(),
        ),
      },
      bar: { value: 500 },
    },
    {
      name: 'a failure, retried once without a pause',
      unit: 'ns/op',
      iterations: few,
      setup: flaky,
      ours: (task) => inTurn(few, task)(retry({ backoff: 0 })),
      peer: {
        name: 'cockatiel',
        fn: (task) =>
          inTurn(
            few,
            task,
          )(cockatiel.retry(cockatiel.handleAll, { maxAttempts: 2, backoff: new cockatiel.ConstantBackoff(0) })),
      },
    },
    {
      name: 'a call under a timeout',
      unit: 'ns/op',
      iterations: calls,
      setup: () => timeout(1000),
      ours: inTurn(calls),
      peer: {
        name: 'cockatiel',
        fn: () => inTurn(calls)(cockatiel.timeout(1000, cockatiel.TimeoutStrategy.Aggressive)),
      },
    },
    {
      name: 'a call under a hedge',
      unit: 'ns/op',
      iterations: calls,
      setup: () => hedge({ afterMs: 1000 }),
      ours: inTurn(calls),
    },
    {
      name: 'through a bulkhead with a queue, all at once',
      unit: 'ms',
      sizes: [1000, 10_000, 100_000],
      setup: (count) => ({ policy: bulkhead({ limit: 10, queue: count }), count }),
      ours: async ({ policy, count }) => {
        await Promise.all(Array.from({ length: count }, () => policy.execute(work)))
      },
      bar: { growth: 13 },
    },
  ],
}
