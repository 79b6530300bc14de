/** Errors that nobody waits for are reported, and what has ended leaves nothing behind: no name, no timer, no program. */
import { createSystem, GenServer, type GenServerBehavior, Registry, Supervisor, type System } from 'keelson'
import { expect, it } from 'vitest'

import { counter, holder } from '../../support/counter.ts'
import { runToEnd } from '../../support/own-process.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await stage.turn()
}

it('a supervisor over its budget does not end the program, and nothing is unhandled', () => {
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

it('a supervisor that is a child is no crash loop', async () => {
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

it('programs that start, call, await and stop end at once, also without a stop', () => {
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

it('an init that is too late leaves nothing: no process, no name, no unhandled rejection', async () => {
  const init = (): Promise<number> => stage.clock.sleep(100).then(() => Promise.reject(new Error('late')))
  const failed = rejection(GenServer.start({ ...counter, init }, { system: stage.system, name: 'x', initTimeout: 10 }))
  await stage.clock.advance(10)
  expect(await failed).toMatchObject({ code: 'KEELSON_INIT_FAILED' })
  expect(Registry.isRegistered('x', stage.system)).toBe(false)
  await stage.clock.advance(1000)
  expect([stage.reported, stage.clock.getPendingTimerCount()]).toEqual([[], 0])
})

it('monitors and links of two systems do not touch each other, though their numbers are the same', async () => {
  const other = createSystem({ clock: stage.clock })
  const heard: unknown[] = []
  const watching: GenServerBehavior<number> = {
    ...holder,
    handleInfo: (info, state) => {
      heard.push(info.type)
      return state
    },
  }
  const pair = async (system: System) => {
    const [watcher, subject] = [await GenServer.start(watching, { system }), await GenServer.start(holder, { system })]
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

it('a name of a process that has several is free when that has ended, and one that ended gets none', async () => {
  const ref = await GenServer.start(counter, { system: stage.system, name: 'one' })
  Registry.register('two', ref, stage.system)
  await GenServer.stop(ref)
  expect(Registry.getNames(stage.system)).toEqual([])
  expect(() => Registry.register('three', ref, stage.system)).toThrow(`(${ref.id})' is not running`)
})

it('no error is lost: of a cast, of terminate, of a listener', async () => {
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
