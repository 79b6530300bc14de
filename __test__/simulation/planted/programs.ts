/** Programs that meet the faults of `src/core/planted.rs`, each with the public API. None of them shows in the order of production. */
import { isCallCycleError, isCallTimeoutError } from 'keelson'
import { GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import type { Simulation, SimulationProgram } from 'keelson/simulation'

import { ask, expectEqual, startClient, startServer } from '../races/tools.ts'

/** A fault in keelson's own code, and a program that it breaks. */
export interface PlantedFault {
  readonly name: string
  /** Its bit, as in `src/core/planted.rs`. */
  readonly bit: number
  /** The file in `replays/` that shows it. */
  readonly file: string
  readonly program: SimulationProgram
}

const HOPS = 8

/** Starts a process that only answers, by which a client takes longer than others. */
async function startRelay(sim: Simulation, hops: number = HOPS): Promise<() => Promise<void>> {
  const relay = await startServer(
    sim.system('relay'),
    () => ({}),
    () => true,
  )
  return async () => {
    for (let hop = 0; hop < hops; hop++) await ask(relay, { type: 'hop' })
  }
}

const lostWakeUp: PlantedFault = {
  name: 'a message that comes while a handler runs is not handled',
  bit: 0,
  file: 'lost-wake-up.json',
  program: async (sim) => {
    const comeLater = await startRelay(sim)
    const store = await startServer(
      sim.system('store'),
      () => ({}),
      () => true,
    )
    const worker = await startServer(
      sim.system('worker'),
      () => ({ done: 0 }),
      async (_, state) => {
        await ask(store, { type: 'read' })
        return ++state.done
      },
    )
    const first = await startClient(sim, 'first', () => ask(worker, { type: 'work' }))
    const second = await startClient(sim, 'second', async () => {
      await comeLater()
      return ask(worker, { type: 'work' })
    })
    await Promise.all([first, second].map((client) => ask(client, { type: 'go' }, 20_000)))
  },
}

const restartAfterStop: PlantedFault = {
  name: 'a child that was stopped while it waits for its restart comes back',
  bit: 1,
  file: 'restart-after-stop.json',
  program: async (sim) => {
    const comeLater = await startRelay(sim, 2)
    const system = sim.system('app')
    const start = (): Promise<GenServerRef> =>
      startServer(
        system,
        () => ({}),
        () => {
          throw new Error('it fails')
        },
      )
    const backoff = { initialMs: 100, maxMs: 100, jitter: 0 }
    const supervisor = await Supervisor.start({ system, children: [{ id: 'worker', start, backoff }] })
    const worker = (): GenServerRef | undefined =>
      Supervisor.getChildren(supervisor)[0]?.ref as GenServerRef | undefined
    const operator = await startClient(sim, 'operator', async () => Supervisor.terminateChild(supervisor, 'worker'))
    const client = await startClient(sim, 'client', async () => {
      await comeLater()
      const ref = worker()
      if (ref !== undefined && GenServer.isRunning(ref)) GenServer.cast(ref as never, { type: 'fail' } as never)
    })
    await Promise.all([operator, client].map((each) => ask(each, { type: 'go' })))
    await sim.clock.sleep(1000)
    const ref = worker()
    expectEqual('whether a stopped child runs', ref !== undefined && GenServer.isRunning(ref), false)
  },
}

const lostDown: PlantedFault = {
  name: 'a monitor of a process that stops is never told of its end',
  bit: 2,
  file: 'lost-down.json',
  program: async (sim) => {
    const comeLater = await startRelay(sim)
    const system = sim.system('app')
    const subject = await GenServer.start({ init: () => 0, terminate: () => system.clock.sleep(5) } as never, {
      system,
    })
    let downs = 0
    const watcher = await GenServer.start(
      {
        init: () => 0,
        handleCall: async (_: unknown, state: number) => {
          await GenServer.monitor(watcher as never, subject as never)
          return [true, state]
        },
        handleInfo: ({ type }: { type: string }, state: number) => {
          if (type === 'DOWN') downs++
          return state
        },
      } as never,
      { system },
    )
    const first = await startClient(sim, 'first', () => ask(watcher as never, { type: 'watch' }))
    const second = await startClient(sim, 'second', async () => {
      await comeLater()
      await GenServer.stop(subject as never)
    })
    await Promise.all([first, second].map((client) => ask(client, { type: 'go' })))
    await sim.clock.sleep(100)
    expectEqual('the number of DOWN messages', downs, 1)
  },
}

const cancelledTimer: PlantedFault = {
  name: 'a timer that is due and cancelled fires all the same',
  bit: 3,
  file: 'cancelled-timer.json',
  program: async (sim) => {
    const { clock } = sim.system('client')
    let outcome = ''
    const timeout = clock.schedule(10, () => {
      if (outcome === '') outcome = 'it took too long'
      else outcome += ', and it took too long'
    })
    // The answer comes at the very instant of the timeout, which was made before.
    await clock.sleep(4)
    clock.schedule(6, () => {
      timeout.cancel()
      if (outcome === '') outcome = 'it was answered'
    })
    await sim.clock.sleep(100)
    expectEqual('the outcome', /, and/.test(outcome), false)
  },
}

const endlessWait: PlantedFault = {
  name: 'a handler whose call timed out still counts as waiting',
  bit: 4,
  file: 'endless-wait.json',
  program: async (sim) => {
    const comeLater = await startRelay(sim)
    const system = sim.system('app')
    let isWaiting = false
    const refs: { store?: GenServerRef; cache?: GenServerRef } = {}
    refs.cache = await startServer(
      system,
      () => ({}),
      async ({ type }) => {
        if (type === 'forget') return
        isWaiting = true
        await ask(refs.store as GenServerRef, { type: 'read' }, 50).catch((error: unknown) => {
          if (!isCallTimeoutError(error)) throw error
        })
        isWaiting = false
        await system.clock.sleep(100)
      },
    )
    refs.store = await startServer(
      system,
      () => ({}),
      async ({ type }) => {
        if (type === 'read') return
        await system.clock.sleep(80)
        await ask(refs.cache as GenServerRef, { type: 'forget' }).catch((error: unknown) => {
          if (!isCallCycleError(error) || !isWaiting) throw error
        })
      },
    )
    // A process is known to wait for promises once it has returned one.
    for (const ref of [refs.store, refs.cache]) await ask(ref, { type: ref === refs.store ? 'read' : 'forget' })
    const reader = await startClient(sim, 'reader', () => ask(refs.cache as GenServerRef, { type: 'refresh' }))
    const writer = await startClient(sim, 'writer', async () => {
      await comeLater()
      await ask(refs.store as GenServerRef, { type: 'write' })
    })
    await Promise.all([reader, writer].map((client) => ask(client, { type: 'go' }, 20_000)))
  },
}

export const plantedFaults: readonly PlantedFault[] = [
  lostWakeUp,
  restartAfterStop,
  lostDown,
  cancelledTimer,
  endlessWait,
]
