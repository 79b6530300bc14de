// Makes each thing of docs/lifetime.md in a system of its own, asks Node whether the event loop is held, closes the system
// and asks again. Prints `{ [row]: [held before, held after] }`.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'

import { Atrion, createAtom, createControlledClock, createSharedAtom, createSystem, openJournal } from 'keelson'
import { circuitBreaker, retry, sleep, timeout } from 'keelson/effect'
import { gracefulShutdown } from 'keelson/express'
import { createProjection } from 'keelson/journal'
import { Agent, Cache, EventBus, GenServer, Limiter, StateMachine, Supervisor, Task, TimerService } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'

const LONG = 3_600_000
const never = () => new Promise(() => {})
const untilAborted = (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve))
const ignore = () => {}
const folder = mkdtempSync(`${tmpdir()}/keelson-lifetime-`)
let journals = 0
const journal = (system) => openJournal(`${folder}/${journals++}`, { system })
const behavior = { init: () => 0, handleCall: (_, state) => GenServer.noReply(state), handleCast: (_, state) => state }
const spec = {
  name: 'one',
  init: () => 0,
  handle: (state, message, tools) => {
    if (message === 'later') tools.schedule(LONG, 'now')
    return state
  },
}

const cases = {
  'a pending `sleep`, `timeout` or `deadline`': ({ clock }) => void clock.sleep(LONG),
  'an `interval`': ({ clock }) => void clock.interval(LONG, ignore),
  'a `schedule`': ({ clock }) => void clock.schedule(LONG, ignore),
  'a `schedule` with `ref: false`': ({ clock }) => void clock.schedule(LONG, ignore, { ref: false }),
  'any wait on a controlled clock': () => void createControlledClock({ stallAfterMs: 0 }).sleep(LONG),
  'a `GenServer`, a `StateMachine`, an agent or a supervisor with children that wait for messages': async (system) => {
    await GenServer.start(behavior, { system })
    await StateMachine.start({ init: () => ({ state: 'a', data: 0 }), states: { a: {} } }, { system })
    await Agent.start(() => 0, { system })
    await Supervisor.start({ system, children: [{ id: 'a', start: () => GenServer.start(behavior, { system }) }] })
  },
  'a process with `idleTimeoutMs`': (system) => GenServer.start(behavior, { system, idleTimeoutMs: LONG }),
  'a message of `sendAfter`': async (system) =>
    GenServer.sendAfter(await GenServer.start(behavior, { system }), 'late', LONG),
  'a call that waits for its reply': async (system) => {
    void GenServer.call(await GenServer.start(behavior, { system }), 'call', { timeout: LONG }).catch(ignore)
  },
  'a task with a `timeout`': (system) =>
    void Task.await(Task.async(untilAborted, { system, timeout: LONG }), Infinity).catch(ignore),
  'a `TimerService` with a timer': async (system) => {
    await TimerService.schedule(await TimerService.start({ system }), 'nobody', 1, LONG)
  },
  'a process of `keelson/process` that waits for messages': (system) =>
    void createRootSupervisor({ system }).spawn(spec, undefined),
  'a message of `tools.schedule`': (system) => createRootSupervisor({ system }).spawn(spec, undefined).send('later'),
  'a journal on disk that is open, also with a subscriber': async (system) => (await journal(system)).subscribe(ignore),
  'an append, sync or read under way': async (system) => {
    const open = await journal(system)
    return () => void open.append(1)
  },
  'a `tail` that waits for entries': async (system) => {
    void (await journal(system)).tail({ from: 0 }).next().catch(ignore)
  },
  'a consumer or a projection': async (system) => {
    const open = await journal(system)
    open.consumer('one', ignore)
    await createProjection({ journal: open, name: 'one', init: () => 0, apply: (state) => state })
  },
  'a watcher of an atom': (system) => createAtom(1, { system }).watch(ignore),
  'a watcher of a shared atom': (system) => createSharedAtom('lifetime', 1, { system }).watch(ignore),
  'a cache, also with times to live and `sweepIntervalMs`': async (system) => {
    const cache = await Cache.start({ system, defaultTtlMs: LONG, sweepIntervalMs: LONG, onEvict: ignore })
    await Cache.set(cache, 'a', 1)
  },
  'a limiter': (system) => new Limiter({ maxRequests: 1, windowMs: LONG, system }).take('a'),
  'a `wait` for a quota': (system) => {
    const limiter = new Limiter({ maxRequests: 1, windowMs: LONG, system })
    limiter.take('a')
    void limiter.wait('a').catch(ignore)
  },
  'an event bus with subscribers': async (system) => EventBus.subscribe(await EventBus.start({ system }), '*', ignore),
  'an `EventBus.next` with a `timeout`': async (system) => {
    void EventBus.next(await EventBus.start({ system }), '*', { timeout: LONG }).catch(ignore)
  },
  'an `EventBus.next` without one': async (system) => {
    void EventBus.next(await EventBus.start({ system }), '*').catch(ignore)
  },
  'an effect that sleeps, or a policy that pauses': (system) => {
    void sleep(LONG).unsafeRunPromise({ system })
    void retry({ system, backoff: LONG })
      .execute(() => Promise.reject(new Error('no')))
      .catch(ignore)
  },
  "a policy's `timeout` over work that never ends": (system) =>
    void timeout(LONG, { system }).execute(never).catch(ignore),
  'a circuit breaker that is open': (system) =>
    circuitBreaker({ system, consecutive: 1, openForMs: LONG })
      .execute(() => Promise.reject(new Error('no')))
      .catch(ignore),
  'a ticket or a lease of an `Atrion`': async (system) => {
    const atrion = new Atrion({ system })
    atrion.tryAdmit('a')
    await atrion.startTask('b', { profile: 'LIGHT' })
  },
  'an `atrion.run` whose work is under way': (system) => void new Atrion({ system }).run('a', never).catch(ignore),
  '`gracefulShutdown`': (system) => void gracefulShutdown(createServer(), { system, exit: false }),
}

/** What Node lists as active. The output is a pipe of this program. */
const listed = () => process.getActiveResourcesInfo().filter((name) => !/^(?:PipeWrap|TTYWrap)$/.test(name)).length
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Returns whether the event loop is held: by what Node lists, or by a thread of the addon, which it does not list. */
async function isHeld() {
  // What only just ended may hold the loop for some turns.
  for (let turns = 0; turns < 200 && listed() > 0; turns++) await turn()
  if (listed() > 0) return true
  // Node tells of an empty event loop once, and again after a turn.
  await turn()
  return new Promise((resolve) => {
    let ticks = 0
    // Not ref'd: it ticks only while something else holds the loop.
    const ticking = setInterval(() => ++ticks === 3 && end(true), 200).unref()
    const onEmpty = () => end(false)
    const end = (result) => {
      clearInterval(ticking)
      process.off('beforeExit', onEmpty)
      resolve(result)
    }
    process.on('beforeExit', onEmpty)
  })
}

const report = {}
for (const [row, make] of Object.entries(cases)) {
  const system = createSystem({ onError: ignore, crashReports: false })
  const begin = await make(system)
  // An append ends by itself, so it is looked at while it is under way.
  const isUnderWay = typeof begin === 'function' && row.startsWith('an append')
  if (isUnderWay) begin()
  const wasHeld = isUnderWay ? listed() > 0 : await isHeld()
  await system.close()
  report[row] = [wasHeld, await isHeld()]
}
rmSync(folder, { recursive: true, force: true })
process.stdout.write(JSON.stringify(report), () => process.exit())
