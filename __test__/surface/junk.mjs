// Calls every function of the package with random junk, and prints what it should not have done.
// Run by junk.test.ts: `node junk.mjs <folder> <seed> <calls> <names>`, where names is a JSON file of option names by callee.
import { readFileSync, openSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { isPromise } from 'node:util/types'
import * as fc from 'fast-check'
import * as keelson from 'keelson'
import * as express from 'keelson/express'
import * as fastify from 'keelson/fastify'
import * as processes from 'keelson/process'
import * as testing from 'keelson/testing'

const [folder, seed, calls, namesFile] = process.argv.slice(2)
const names = JSON.parse(readFileSync(namesFile, 'utf8'))
process.chdir(folder)
const lastCall = openSync(`${folder}/last-call`, 'w')

/** Thrown by what is handed in: an error of the caller's own may come back to the caller. */
class Own extends Error {}
const own = () => {
  throw new Own('thrown by what was handed in')
}
const throwing = (keys) =>
  Object.defineProperties({}, Object.fromEntries(keys.map((key) => [key, { get: own, enumerable: true }])))
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const rejecting = () => {
  const promise = Promise.reject(new Own('rejected'))
  promise.catch(() => {})
  return promise
}
class Thing {
  #secret = 1
  get limit() {
    return this.#secret
  }
  method() {}
}

/** The junk values by name, made anew for each call. */
const junk = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  zero: () => 0,
  'minus zero': () => -0,
  'minus one': () => -1,
  half: () => 0.5,
  three: () => 3,
  NaN: () => NaN,
  Infinity: () => Infinity,
  '-Infinity': () => -Infinity,
  '1e308': () => 1e308,
  '2^31': () => 2 ** 31,
  '2^32': () => 2 ** 32,
  '2^53': () => 2 ** 53,
  '8.64e15': () => 8.64e15,
  'an empty text': () => '',
  'a text': () => 'a',
  'a long text': () => 'x'.repeat(10_000),
  'half a character': () => '\ud800',
  'a nul': () => 'a\0b',
  __proto__text: () => '__proto__',
  constructor: () => 'constructor',
  'a symbol': () => Symbol('s'),
  'a bigint': () => 10n,
  'an empty list': () => [],
  'a list': () => [1, 'a', null],
  'a list with holes': () => Array.from({ length: 3 }).concat(Array(3)),
  'an object': () => ({}),
  'an object without a prototype': () => Object.create(null),
  'a frozen object': () => Object.freeze({ a: 1 }),
  'an object with a cycle': () => {
    const value = {}
    value.self = value
    return value
  },
  'a class': () => Thing,
  'an instance': () => new Thing(),
  'a date': () => new Date(0),
  'a date that is none': () => new Date(NaN),
  'a map': () => new Map([[1, 2]]),
  bytes: () => new Uint8Array(3),
  'an error': () => new Own('handed in'),
  'a function': () => () => 1,
  'a function of its argument': () => (value) => value,
  'an asynchronous function': () => async () => 1,
  'a generator': () => function* () {},
  'a function that throws': () => own,
  'a function that rejects': () => rejecting,
  'a promise': () => Promise.resolve(1),
  'a promise that rejects': rejecting,
  // oxlint-disable-next-line unicorn/no-thenable -- what enters may be thenable
  'a thenable': () => ({ then: (resolve) => resolve(1) }),
  // oxlint-disable-next-line unicorn/no-thenable -- what enters may be thenable
  'a thenable that throws': () => ({ then: own }),
  'a thenable whose then throws': () => throwing(['then']),
  'a thenable that is silent': () => ({ then() {} }),
  'getters that throw': () =>
    throwing(['id', 'name', 'limit', 'system', 'signal', 'timeout', 'clock', 'then', 'wallMs', 'ref']),
  'a revoked proxy': revoked,
  'a proxy that throws': () =>
    new Proxy({}, { get: own, has: own, ownKeys: own, getPrototypeOf: own, getOwnPropertyDescriptor: own, set: own }),
  'a proxy of a function': () => new Proxy(() => 1, {}),
  'a signal': () => new AbortController().signal,
  'an aborted signal': () => AbortSignal.abort(new Own('aborted')),
  'text that throws': () => ({ toString: own, valueOf: own, [Symbol.toPrimitive]: own }),
}
const kinds = Object.keys(junk)

const behavior = () => ({ init: () => 0, handleCall: (_, state) => [state, state], handleCast: (_, state) => state })

/** Things that live, by the name of their type, and what must be closed. */
async function makeWorld(number) {
  const { Agent, Atrion, Cache, EventBus, GenServer, PartitionSupervisor, RateLimiter, Registry, Supervisor, Task } =
    keelson
  const reported = []
  const clock = keelson.createControlledClock()
  const system = keelson.createSystem({
    clock,
    closeClock: true,
    seed: 1,
    closeTimeout: 50,
    onError: (error) => reported.push(error),
  })
  const o = { system }
  const atrion = new Atrion(o)
  const cache = await Cache.start(o)
  const sharedCache = await Cache.start({ shared: true, name: `junk-${number}`, system })
  const root = processes.createRootSupervisor(o)
  const classic = processes.createSupervisor(o)
  const effect = keelson.effect(() => 1)
  const registry = Registry.create(o)
  const duplicates = Registry.create({ keys: 'duplicate', system })
  const bus = await EventBus.start(o)
  const child = { id: 'a', start: () => GenServer.start(behavior(), o) }
  const journal = keelson.createJournal(o)
  const ticket = atrion.tryAdmit('r')
  const durable = await keelson.openJournal(`${folder}/durable-${number}`, o)
  journal.append(1)
  durable.append(1)
  return {
    reported,
    close: async () => {
      await Promise.race([system.close(), new Promise((resolve) => setTimeout(resolve, 2000, 'late'))])
    },
    things: {
      System: system,
      Random: system.random,
      Names: system.names,
      ControlledClock: clock,
      Clock: keelson.createSystemClock(),
      Atom: keelson.createAtom(1, o),
      SharedAtom: keelson.createSharedAtom(`junk-${number}`, 1, o),
      SharedCounter: keelson.sharedCounter(`junk-${number}-counter`, o),
      SharedFlag: keelson.sharedFlag(`junk-${number}-flag`, o),
      Atrion: atrion,
      Ticket: ticket,
      TaskLease: await atrion.startTask('r', { profile: 'LIGHT' }),
      InMemoryProvider: new keelson.InMemoryProvider(),
      Journal: journal,
      JournalSnapshot: journal.getSnapshot(),
      DurableJournal: durable,
      Effect: effect,
      ContextImpl: keelson.createContext(),
      CancelToken: keelson.createCancelToken(),
      ScopeImpl: keelson.createScope(),
      RetryBudget: keelson.retryBudget(),
      Schedule: keelson.schedule.constant(1),
      Admit: keelson.admit(atrion, 'r'),
      Bulkhead: keelson.bulkhead({ limit: 1, system }),
      CircuitBreaker: keelson.circuitBreaker({ consecutive: 1, system }),
      Fallback: keelson.fallback(1, o),
      Hedge: keelson.hedge({ afterMs: 1, system }),
      Repeat: keelson.repeat({ times: 1, every: 1, system }),
      Retry: keelson.retry(o),
      TimeoutPolicy: keelson.timeout(100, o),
      Stack: keelson.wrap(keelson.retry(o)),
      CacheHandle: cache.handle,
      SharedCacheHandle: sharedCache.handle,
      RegistryInstance: registry,
      'RegistryInstance of duplicates': duplicates,
      Limiter: new keelson.Limiter({ maxRequests: 3, windowMs: 1000, system }),
      ProcessIdImpl: processes.createProcessId('id'),
      ClassicProcess: processes.createProcess({ handle: () => {} }, o),
      ClassicSupervisor: classic,
      RootSupervisor: root,
      ProcessRef: root.spawn({ name: 'p', init: () => 0, handle: (state) => state }, {}),
      RateLimitStore: new express.RateLimitStore(),
      // Handed in, and not called upon.
      server: await GenServer.start(behavior(), { name: 'server', system }),
      agent: await Agent.start(() => 0, o),
      bus,
      cache,
      sharedCache,
      supervisor: await Supervisor.start({ children: [child], system }),
      partitions: await PartitionSupervisor.start({ start: child.start, partitions: 2, system }),
      limiterRef: await RateLimiter.start({ maxRequests: 3, windowMs: 1000, system }),
      timers: await keelson.TimerService.start(o),
      task: Task.async(() => 1, o),
      behavior: behavior(),
      child,
      spec: { name: 'q', init: () => 0, handle: (state) => state },
      options: o,
      http: createServer(),
    },
  }
}

/** Not called: they end the process, wait for a network, or are the package's own. */
const LEFT_OUT =
  /^(?:new (?:DurableJournal|Ticket|TaskLease|Effect|Fiber|Stack|Admit|Bulkhead|CircuitBreaker|Fallback|Hedge|Repeat|Retry|TimeoutPolicy|RetryBudget|System|Random|Names|Registrar|RegistryInstance|Continued|NoReply|Stopped|RateLimitInfo|Shutdown|KeelsonError|.*Error)$|express\.gracefulShutdown|fastify\.|RedisStateProvider|express\.RateLimitStore)/

function* functionsOf(prefix, module) {
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === 'function') {
      const isClass = /^class\b/.test(Function.prototype.toString.call(value))
      if (isClass) {
        yield [`new ${name}`, () => [undefined, (...args) => new value(...args)], name]
        for (const [method, fn] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
          if (typeof fn.value === 'function' && !['prototype'].includes(method))
            yield [`${prefix}${name}.${method}`, () => [value, fn.value], `${name}.${method}`]
        }
      } else yield [`${prefix}${name}`, () => [undefined, value], name]
    } else if (typeof value === 'object' && value !== null) {
      for (const [method, fn] of Object.entries(value)) {
        if (typeof fn === 'function') yield [`${prefix}${name}.${method}`, () => [value, fn], `${name}.${method}`]
      }
    }
  }
}

function methodsOf(value) {
  const found = new Set()
  for (let part = value; part !== null && part !== Object.prototype; part = Object.getPrototypeOf(part)) {
    for (const [name, { value: fn }] of Object.entries(Object.getOwnPropertyDescriptors(part))) {
      if (typeof fn === 'function' && name !== 'constructor') found.add(name)
    }
  }
  return [...found]
}

const failures = new Map()
function fail(callee, what, args, error) {
  const key = `${callee}: ${what}`
  const known = failures.get(key)
  if (known) known.count += 1
  else failures.set(key, { callee, what, args, count: 1, stack: error?.stack?.split?.('\n').slice(1, 6).join('\n') })
}

const isOwn = (error, given) => {
  for (let depth = 0, part = error; depth < 5 && part !== undefined && part !== null; depth += 1) {
    if (part instanceof Own || given.includes(part)) return true
    part = Reflect.get(Object(part), 'cause')
  }
  return false
}

/** Returns whether the error names the fault, or is one that was passed in. */
function judge(callee, args, given, error) {
  if (keelson.isKeelsonError(error)) {
    if (error.code === 'KEELSON_INVALID_ARGUMENT' && typeof error.field !== 'string')
      fail(callee, 'a refusal without a field', args, error)
    if (error.code === 'KEELSON_PANIC') fail(callee, `a panic: ${error.message}`, args, error)
    return
  }
  if (isOwn(error, given)) return
  // What was handed in as a function is a class: it says so itself.
  if (error instanceof TypeError && error.message.startsWith('Class constructor Thing')) return
  let text
  try {
    text = `${error?.name}: ${error?.message}`
  } catch {
    text = 'an error without text'
  }
  fail(callee, text.replaceAll(/\d+/g, 'N').slice(0, 200), args, error)
}

let current
process.on('unhandledRejection', (error) => {
  if (!isOwn(error, current?.given ?? []))
    fail(
      current?.callee ?? 'somebody',
      `an unhandled rejection: ${error?.stack ?? error}`.slice(0, 600),
      current?.args,
      error,
    )
})
process.on('uncaughtException', (error) => {
  fail(
    current?.callee ?? 'somebody',
    `an uncaught exception: ${error?.stack ?? error}`.slice(0, 600),
    current?.args,
    error,
  )
})
process.on('warning', () => {})
process.exit = (code) => fail(current?.callee ?? 'somebody', `process.exit(${code})`, current?.args)

const argument = fc.oneof(
  { weight: 5, arbitrary: fc.record({ junk: fc.constantFrom(...kinds) }) },
  { weight: 4, arbitrary: fc.record({ thing: fc.nat(1000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      options: fc.array(
        fc.tuple(
          fc.nat(1000),
          fc.oneof(fc.record({ junk: fc.constantFrom(...kinds) }), fc.record({ thing: fc.nat(1000) })),
        ),
        { maxLength: 3 },
      ),
    }),
  },
)
const call = fc.record({ callee: fc.nat(1e6), args: fc.array(argument, { maxLength: 5 }) })

const modules = [
  ['', keelson],
  ['process.', processes],
  ['testing.', testing],
  ['express.', express],
  ['fastify.', fastify],
]
const free = modules
  .flatMap(([prefix, module]) => Array.from(functionsOf(prefix, module)))
  .filter(([path]) => !LEFT_OUT.test(path))
const NO_METHODS = new Set([
  'server',
  'agent',
  'bus',
  'cache',
  'sharedCache',
  'supervisor',
  'partitions',
  'limiterRef',
  'timers',
  'task',
  'behavior',
  'child',
  'spec',
  'options',
  'http',
])

const typeNames = { Clock: 'ControlledClock', System: 'TestSystem' }

function targets(world) {
  const bound = Object.entries(world.things)
    .filter(([name]) => !NO_METHODS.has(name))
    .flatMap(([name, thing]) =>
      methodsOf(thing).map((method) => [
        `${name}#${method}`,
        () => [thing, thing[method]],
        `${typeNames[name] ?? name.split(' ')[0]}#${method}`,
      ]),
    )
    .filter(([, , key]) => Object.hasOwn(names, key))
    .filter(([path]) => !LEFT_OUT.test(path))
  return [...free, ...bound]
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const programs = fc.sample(call, { seed: Number(seed), numRuns: Number(calls) })
const counts = new Map()
let world
let list
let number = 0
const outcome = { refused: 0, worked: 0 }
for (const [index, { callee: pick, args: described }] of programs.entries()) {
  if (index % 200 === 0) {
    current = { callee: 'closing the system', args: [], given: [] }
    await world?.close()
    world = await makeWorld(number++)
    list = targets(world)
  }
  // Each one once, and then as chance has it.
  const [callee, find, key] = list[(index < list.length ? index : pick) % list.length]
  counts.set(callee, (counts.get(callee) ?? 0) + 1)
  const things = Object.entries(world.things)
  const optionNames = names[key]?.length > 0 ? names[key] : ['name', 'system', 'signal', 'timeout']
  const shown = []
  const make = (one) => {
    if ('junk' in one) return [one.junk, junk[one.junk]()]
    if ('thing' in one) return things[one.thing % things.length]
    const entries = one.options.map(([at, value]) => [optionNames[at % optionNames.length], make(value)])
    return [
      `{ ${entries.map(([name, [text]]) => `${name}: ${text}`).join(', ')} }`,
      Object.fromEntries(entries.map(([name, [, value]]) => [name, value])),
    ]
  }
  const given = described.map((one) => {
    const [text, value] = make(one)
    shown.push(text)
    return value
  })
  current = { callee, args: shown, given }
  const line = `${callee}(${shown.join(' | ')})`
  writeSync(lastCall, `${line.slice(0, 4000).padEnd(4000)}\n`, 0)
  const before = performance.now()
  try {
    const [self, fn] = find()
    const result = Reflect.apply(fn, self, given)
    outcome.worked += 1
    if (isPromise(result)) {
      result.then(
        () => {},
        (error) => {
          outcome.refused += 1
          judge(callee, shown, given, error)
        },
      )
    }
  } catch (error) {
    outcome.refused += 1
    judge(callee, shown, given, error)
  }
  const took = performance.now() - before
  if (took > 1000) fail(callee, 'took more than a second', shown)
  await turn()
}
current = { callee: 'closing the system', args: [], given: [] }
await world?.close()
await turn()
const uncalled = list.map(([path]) => path).filter((path) => !counts.has(path))
console.log(JSON.stringify({ failures: [...failures.values()], ...outcome, callees: list.length, uncalled }))
process.reallyExit(0)
