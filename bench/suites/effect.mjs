// Effects: what a chain, an asynchronous step, a fibre, a timeout and a resource cost, against the library of that name.
import { Effect, Fiber } from 'effect'
import { acquireUseRelease, all, fromPromise, succeed } from 'keelson/effect'

const range = (count) => Array.from({ length: count }, (_, index) => index)
/** Runs an effect `count` times in sequence; fails when a run did not do the work. */
const times = (count, expected, run) => async () => {
  for (let done = 0; done < count; done += 1) {
    const value = await run()
    if (value !== expected) throw new Error(`expected ${expected}, got ${value}`)
  }
}

const chain = (first, step) => range(10).reduce(step, first)
const ourSteps = chain(succeed(0), (before) => before.flatMap((n) => succeed(n + 1)))
const theirSteps = chain(Effect.succeed(0), (before) => Effect.flatMap(before, (n) => Effect.succeed(n + 1)))
const ourMaps = chain(succeed(0), (before) => before.map((n) => n + 1))
const theirMaps = chain(Effect.succeed(0), (before) => Effect.map(before, (n) => n + 1))
const ourPromises = chain(succeed(0), (before) => before.flatMap((n) => fromPromise(async () => n + 1)))
const theirPromises = chain(Effect.succeed(0), (before) =>
  Effect.flatMap(before, (n) => Effect.promise(async () => n + 1)),
)

const thousand = range(1000)
const sum = (values) => values.reduce((total, value) => total + value, 0)
const ourFork = (make) =>
  all(thousand.map((n) => make(n).fork()))
    .flatMap((fibers) => all(fibers.map((fiber) => fiber.join())))
    .map(sum)
const theirFork = (make) =>
  Effect.map(
    Effect.flatMap(
      Effect.forEach(thousand, (n) => Effect.forkChild(make(n))),
      (fibers) => Effect.forEach(fibers, (fiber) => Fiber.join(fiber)),
    ),
    sum,
  )
const total = sum(thousand)
const ourFibers = ourFork(succeed)
const theirFibers = theirFork(Effect.succeed)
const ourWaiting = ourFork((n) => fromPromise(async () => n))
const theirWaiting = theirFork((n) => Effect.promise(async () => n))

const ourTimeout = fromPromise(async () => 1).timeout(1000)
const theirTimeout = Effect.timeout(
  Effect.promise(async () => 1),
  1000,
)
const ourResource = acquireUseRelease(
  succeed(1),
  (n) => succeed(n),
  () => succeed(undefined),
)
const theirResource = Effect.acquireUseRelease(
  Effect.succeed(1),
  (n) => Effect.succeed(n),
  () => Effect.void,
)
const link = (before) => before.flatMap((n) => succeed(n + 1))
const deep = (count) => range(count).reduce(link, succeed(0))

const against = (name, iterations, expected, ours, theirs, bar, unit = 'ns/op') => ({
  name,
  unit,
  iterations,
  ours: times(iterations, expected, () => ours.run()),
  peer: {
    name: 'effect',
    fn: times(iterations, expected, () => Effect.runPromise(theirs)),
  },
  ...(bar && { bar: { ratio: bar } }),
})

export default {
  name: 'effect',
  cases: [
    against('a chain of 10 steps', 20_000, 10, ourSteps, theirSteps, 0.7),
    {
      name: 'the same, made each time',
      unit: 'ns/op',
      iterations: 20_000,
      ours: times(20_000, 10, () => chain(succeed(0), (before) => before.flatMap((n) => succeed(n + 1))).run()),
      peer: {
        name: 'effect',
        fn: times(20_000, 10, () =>
          Effect.runPromise(chain(Effect.succeed(0), (before) => Effect.flatMap(before, (n) => Effect.succeed(n + 1)))),
        ),
      },
      bar: { ratio: 0.7 },
    },
    against('a chain of 10 maps', 20_000, 10, ourMaps, theirMaps, 0.7),
    against('a chain of 10 promises', 5000, 10, ourPromises, theirPromises),
    against('fork and join 1,000 fibres', 20, total, ourFibers, theirFibers, 1, 'µs/op'),
    against('fork and join 1,000 fibres that wait', 10, total, ourWaiting, theirWaiting, 1, 'µs/op'),
    against('a timeout that is not needed', 5000, 1, ourTimeout, theirTimeout),
    against('a resource', 10_000, 1, ourResource, theirResource),
    {
      name: 'one chain of flatMaps',
      unit: 'ms',
      sizes: [1000, 10_000, 100_000],
      ours: async (size) => times(1, size, () => deep(size).run())(),
      bar: { growth: 20 },
    },
  ],
}
