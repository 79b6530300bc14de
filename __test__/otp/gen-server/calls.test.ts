/**
 * What goes wrong in other libraries of this kind, one named test each; `supervisor-defects.test.ts` has the supervisor's
 * (D1 to D3, D5, D7 to D9, D11, D12).
 */
import { AsyncLocalStorage } from 'node:async_hooks'

import {
  createSystem,
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  Registry,
  Supervisor,
  type System,
} from 'keelson'
import { expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { runToEnd } from '../../support/own-process.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await stage.turn()
}

const waits: GenServerBehavior<string[], number | 'seen', number> = {
  init: () => [],
  handleCall: async (message, seen) => {
    if (message === 'seen') return [seen, seen] as const
    await stage.clock.sleep(message)
    return [message, [...seen, `call ${message}`]] as const
  },
  handleCast: (message, seen) => [...seen, `cast ${message}`],
}

it('D4: a call that timed out in the queue is not run later', async () => {
  const ref = await GenServer.start(waits, { system: stage.system })
  const long = GenServer.call(ref, 100)
  const late = rejection(GenServer.call(ref, 7, { timeout: 50 }))
  GenServer.cast(ref, 1)
  await stage.clock.advance(200)
  expect(await long).toBe(100)
  expect(await late).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', serverId: ref.id, timeoutMs: 50 })
  expect(await GenServer.call(ref, 'seen')).toEqual(['call 100', 'cast 1'])
})

it('D4: a call without end, or with one beyond what a host timer takes, does not time out at once', async () => {
  const ref = await GenServer.start(waits, { system: stage.system })
  const calls = [Number.POSITIVE_INFINITY, 2 ** 32].map((timeout) => GenServer.call(ref, 10_000, { timeout }))
  await stage.clock.advance(20_000)
  expect(await Promise.all(calls)).toEqual([10_000, 10_000])
})

it('D5: a supervisor over its budget does not end the program, and nothing is unhandled', () => {
  const { status, stdout, stderr } = runToEnd(`
    const { GenServer, Supervisor, createSystem } = require('keelson')
    const system = createSystem({ crashReports: false, onError: (error) => console.log('owner:', error.code) })
    process.on('unhandledRejection', (error) => console.log('unhandled:', error))
    const behavior = { init: () => 0, handleCall: (m, s) => [s, s], handleCast: () => { throw new Error('crash') } }
    const child = (id) => ({ id, start: () => GenServer.start(behavior, { system }) })
    ;(async () => {
      const supervisor = await Supervisor.start({ system, restartIntensity: { maxRestarts: 1 }, children: [child('a'), child('b')] })
      const sibling = Supervisor.getChild(supervisor, 'b').ref
      for (let round = 0; round < 2; round++) {
        GenServer.cast(Supervisor.getChild(supervisor, 'a').ref, 'crash')
        await new Promise(setImmediate)
      }
      await new Promise(setImmediate)
      console.log('sibling runs:', GenServer.isRunning(sibling))
      await system.close()
      console.log('still here')
    })()
  `)
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual(['owner: KEELSON_MAX_RESTARTS', 'sibling runs: false', 'still here'])
  expect(status).toBe(0)
})

it('D6: a supervisor that is a child is no crash loop', async () => {
  let starts = 0
  const nested = (): Promise<unknown> => {
    starts++
    return Supervisor.start({
      system: stage.system,
      children: [{ id: 'leaf', start: () => GenServer.start(counter, { system: stage.system }) }],
    })
  }
  const top = await Supervisor.start({ system: stage.system, children: [{ id: 'nested', start: nested as never }] })
  await stage.clock.advance(10_000)
  expect(starts).toBe(1)
  await Supervisor.stop(top)
})

it('D8: who is queued behind a stop is answered at once, and a second stop resolves', async () => {
  const ref = await GenServer.start(waits, { system: stage.system })
  const running = GenServer.call(ref, 10)
  await stage.turn()
  const stops = [GenServer.stop(ref), GenServer.stop(ref, 'shutdown')]
  const behind = rejection(GenServer.call(ref, 20, { timeout: Infinity }))
  await stage.clock.advance(10)
  await Promise.all(stops)
  expect([await running, await behind]).toMatchObject([10, { code: 'KEELSON_NOT_RUNNING' }])
  expect(stage.clock.monoMs()).toBe(10)
})

it('D10: programs that start, call, await and stop end at once, also without a stop', () => {
  const { status, stderr, held } = runToEnd(`
    const { Agent, GenServer, Registry, Supervisor, Task } = require('keelson')
    const behavior = { init: async () => 0, handleCall: (m, s) => [s, s], handleCast: (m, s) => s }
    ;(async () => {
      const stopped = await GenServer.start(behavior, { name: 'x' })
      await GenServer.call(stopped, 'get')
      await GenServer.stop(stopped)
      await GenServer.call(await GenServer.start(behavior), 'get')
      await Supervisor.start({ children: [{ id: 'a', start: () => GenServer.start(behavior) }] })
      await Task.await(Task.async(() => 1))
      await Agent.get(await Agent.start(() => 1), (n) => n)
      over()
    })()
  `)
  expect([status, stderr]).toEqual([0, ''])
  expect(held).toEqual([])
})

it('D11: an init that is too late leaves nothing: no process, no name, no unhandled rejection', async () => {
  const init = (): Promise<number> => stage.clock.sleep(100).then(() => Promise.reject(new Error('late')))
  const failed = rejection(GenServer.start({ ...counter, init }, { system: stage.system, name: 'x', initTimeout: 10 }))
  await stage.clock.advance(10)
  expect(await failed).toMatchObject({ code: 'KEELSON_INIT_FAILED' })
  expect(Registry.isRegistered('x', stage.system)).toBe(false)
  await stage.clock.advance(1000)
  expect([stage.reported, stage.clock.getPendingTimerCount()]).toEqual([[], 0])
})

/** Processor time of this process: what other processes take of the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

it('D13: a mailbox costs the same a message however deep it is', async () => {
  const drain = async (depth: number): Promise<number> => {
    const ref = await GenServer.start(counter, { system: stage.system })
    const begun = cpuMs()
    for (let sent = 0; sent < depth; sent++) GenServer.cast(ref, 'add')
    expect(await GenServer.call(ref, 'get', { timeout: Infinity })).toBe(depth)
    return cpuMs() - begun
  }
  await drain(20_000)
  const [shallow, deep] = [await drain(40_000), await drain(400_000)]
  // Ten times the work. What costs more a message the deeper it is takes a hundred times as long.
  expect(deep / shallow).toBeLessThan(40)
}, 20_000)

it('D27: monitors and links of two systems do not touch each other, though their numbers are the same', async () => {
  const other = createSystem({ clock: stage.clock })
  const heard: unknown[] = []
  const watching: GenServerBehavior<number> = {
    ...bad,
    handleInfo: (info, state) => {
      heard.push(info.type)
      return state
    },
  }
  const pair = async (system: System) => {
    const [watcher, subject] = [await GenServer.start(watching, { system }), await GenServer.start(bad, { system })]
    const [monitor, link] = [await GenServer.monitor(watcher, subject), await GenServer.link(watcher, subject)]
    return { watcher, subject, monitor, link }
  }
  const [here, there] = [await pair(stage.system), await pair(other)]
  expect([here.monitor.monitorId, here.link.linkId]).toEqual([there.monitor.monitorId, there.link.linkId])
  await GenServer.demonitor(here.monitor)
  await GenServer.unlink(here.link)
  await GenServer.demonitor(here.monitor)
  for (const { subject } of [here, there]) await GenServer.stop(subject, 'shutdown')
  await settle()
  expect([heard, GenServer.isRunning(here.watcher), GenServer.isRunning(there.watcher)]).toEqual([[], true, false])
  await other.close()
})

it('D28: a name of a process that has several is free when that has ended, and one that ended gets none', async () => {
  const ref = await GenServer.start(counter, { system: stage.system, name: 'one' })
  Registry.register('two', ref, stage.system)
  await GenServer.stop(ref)
  expect(Registry.getNames(stage.system)).toEqual([])
  expect(() => Registry.register('three', ref, stage.system)).toThrow(`(${ref.id})' is not running`)
})

it('D29: no error is lost: of a cast, of terminate, of a listener', async () => {
  const off = GenServer.onLifecycleEvent((event) => {
    if (event.type === 'crashed') throw new Error('listener')
  }, stage.system)
  const terminate = (): never => {
    throw new Error('terminate')
  }
  const ref = await GenServer.start({ ...counter, terminate }, { system: stage.system })
  GenServer.cast(ref, 'crash')
  await settle()
  expect(stage.reported.map(([error]) => (error as Error).message)).toEqual(['listener', 'crash', 'terminate'])
  off()
})

it('D30: a call to itself is told at once, also after an await', async () => {
  const self: GenServerRef<number, boolean> = await GenServer.start<number, boolean>(
    {
      init: () => 0,
      handleCall: async (later, state) => {
        if (later) await stage.clock.sleep(1)
        return [await GenServer.call(self, false), state]
      },
      handleCast: (_, state) => state,
    },
    { system: stage.system },
  )
  const errors = [rejection(GenServer.call(self, false)), rejection(GenServer.call(self, true))]
  await stage.clock.advance(1)
  for (const error of await Promise.all(errors)) expect(error).toMatchObject({ code: 'KEELSON_CALL_CYCLE' })
})

it('D31: a handler does not run on the stack, nor in the context, of who sends', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const ref = await GenServer.start<number>(
    {
      init: () => 0,
      handleCall: (_, state) => [state, state],
      handleCast: (_, state) => {
        seen.push(storage.getStore())
        return state
      },
    },
    { system: stage.system },
  )
  storage.run('sender', () => GenServer.cast(ref, 1))
  expect(seen).toEqual([])
  await settle()
  expect(seen).toEqual([undefined])
})

it.each<[string, () => GenServerBehavior<number>, string]>([
  ['no tuple', () => ({ ...bad, handleCall: () => 5 as never }), 'handleCall'],
  ['a tuple of three', () => ({ ...bad, handleCall: () => [1, 2, 3] as never }), 'handleCall'],
  ['no state', () => ({ ...bad, handleCall: () => [1, undefined] as never }), 'handleCall'],
])('D-bad: a reply that is %s names process and callback; the state stays', async (_, behavior, callback) => {
  const ref = await GenServer.start(behavior(), { system: stage.system })
  expect(await rejection(GenServer.call(ref, 'x'))).toMatchObject({
    code: 'KEELSON_INVALID_RETURN',
    serverId: ref.id,
    callback,
  })
  expect([GenServer.getState(ref), GenServer.isRunning(ref)]).toEqual([0, true])
})

it.each<[string, () => unknown]>([
  ['no state', () => undefined],
  ['continueWith without a state', () => GenServer.continueWith(undefined)],
  ['continueWith without handleContinue', () => GenServer.continueWith(1)],
])('D-bad: a cast that makes %s crashes by name', async (_, make) => {
  const ref = await GenServer.start({ ...bad, handleCast: make as never }, { system: stage.system })
  GenServer.cast(ref, 'x')
  await settle()
  expect(stage.reported).toMatchObject([[{ code: 'KEELSON_INVALID_RETURN', serverId: ref.id }, `process ${ref.id}`]])
  expect(GenServer.isRunning(ref)).toBe(false)
})

it.each<[string, () => unknown]>([
  ['delayMs', async () => GenServer.sendAfter(await GenServer.start(bad, { system: stage.system }), 1, -1)],
  ['ref', () => GenServer.cast({ id: 5 } as never, 1)],
  ['ref', () => GenServer.stop({ id: 'x' })],
  ['ref', () => GenServer.isRunning(undefined as never)],
  ['ref', () => GenServer.getState({ id: 'x' })],
  ['ref', () => GenServer.getStatus({ id: 'x' })],
  ['from', () => GenServer.reply({ timeoutMs: 5 }, 1)],
  ['monitoringRef', () => GenServer.monitor(5 as never, { id: 'y' })],
  ['ref1', () => GenServer.link(undefined as never, { id: 'y' })],
  ['ref', () => GenServer.demonitor({ id: 'x' } as never)],
  ['ref', () => GenServer.unlink(5 as never)],
  ['ref', () => GenServer.cancelTimer(undefined as never)],
  ['handler', () => GenServer.onLifecycleEvent(5 as never, stage.system)],
  ['options.system', () => GenServer.start(bad, { system: {} as never })],
  ['options.onError', () => GenServer.start(bad, { system: stage.system, onError: 'x' as never })],
])('D-bad: what is given as %s is refused by name', async (field, attempt) => {
  expect(await rejection(Promise.resolve().then(attempt))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
})

const bad: GenServerBehavior<number> = {
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: (_, state) => state,
}
