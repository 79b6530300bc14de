// Effects and policies in jest: its realms, and its fake timers.
const { acquireUseRelease, circuitBreaker, effect, isCircuitOpenError, sleep, timeout } = require('keelson/effect')

afterEach(() => jest.useRealTimers())

test('effects and policies follow fake timers', async () => {
  jest.useFakeTimers()
  const log = []
  const using = acquireUseRelease(
    effect(() => 'r'),
    () => sleep(60_000),
    (_, cause) => log.push(cause),
  )
  const timed = using.timeout(30_000).unsafeRunPromise()
  const guarded = using.withPolicy(timeout(10_000)).unsafeRunPromise()
  await jest.advanceTimersByTimeAsync(10_000)
  expect(await guarded).toMatchObject({ _tag: 'Err', error: { code: 'KEELSON_TIMEOUT', timeoutMs: 10_000 } })
  await jest.advanceTimersByTimeAsync(20_000)
  expect(await timed).toEqual({ _tag: 'Err', error: { _tag: 'Timeout' } })
  expect(log).toEqual(['interrupted', 'interrupted'])
  expect(jest.getTimerCount()).toBe(0)
})

test('a refusal is an error of the realm', async () => {
  const breaker = circuitBreaker()
  breaker.isolate()
  const error = await effect(() => 1)
    .withPolicy(breaker)
    .run()
    .catch((reason) => reason)
  expect([error instanceof Error, isCircuitOpenError(error), error.name]).toEqual([true, true, 'CircuitOpenError'])
})
