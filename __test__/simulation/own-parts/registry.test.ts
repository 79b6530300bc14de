/** Names and keys of processes that start, crash and stop at once. */
import { isAlreadyRegisteredError, isServerNotRunningError } from 'keelson'
import { GenServer, type GenServerRef, Registry, Supervisor } from 'keelson/otp'
import { describe } from 'vitest'

import { ask, expectEqual, startClient } from '../races/tools.ts'
import { counter, ENDLESS, ignore, isRunning, part, startCounter } from './part.ts'

describe('a name', () => {
  part('stands for one living process, and is free once that has ended', async (sim) => {
    const system = sim.system('a')
    const started = new Set<GenServerRef>()
    const start = async (): Promise<GenServerRef | undefined> => {
      try {
        const ref = await startCounter(system, 'counter')
        started.add(ref)
        return ref
      } catch (error) {
        if (!isAlreadyRegisteredError(error)) throw error
        return undefined
      }
    }
    sim.invariant('one process has the name', () => [...started].filter(isRunning).length <= 1)
    const clients = await Promise.all(
      ['p', 'q'].map((name) =>
        startClient(sim, name, async () => {
          const { clock } = sim.system(name)
          for (let turn = 0; turn < 3; turn++) {
            const own = await start()
            await clock.sleep(sim.choose(5, 'how long it lives'))
            if (own === undefined) continue
            await GenServer.stop(own as never)
            expectEqual(
              'whether the name leads to a process that ended',
              Registry.whereis('counter', system) === own,
              false,
            )
          }
        }),
      ),
    )
    await Promise.all(clients.map((client) => ask(client, { type: 'go' }, Infinity)))
    await sim.settle({ heal: true })
    expectEqual('the holder at the end', Registry.whereis('counter', system), undefined)
  })

  part('of a supervised process leads to the one that runs', async (sim) => {
    const system = sim.system('a')
    const start = (): Promise<GenServerRef> => startCounter(system, 'counter')
    await Supervisor.start({ system, restartIntensity: ENDLESS, children: [{ id: 'x', start }] })
    for (let turn = 0; turn < 5; turn++) {
      const ref = Registry.whereis('counter', system)
      if (ref !== undefined && isRunning(ref)) await GenServer.call(ref as never, 1 as never).catch(ignore)
      await sim.clock.sleep(10)
    }
    await sim.settle({ heal: true })
    await GenServer.call(Registry.lookup('counter', system) as never, 1 as never)
  })
})

describe('getOrStart', () => {
  part('gives one process to all who ask at once, and starts another once that has ended', async (sim) => {
    const system = sim.system('a')
    const made = new Set<GenServerRef>()
    let starting = 0
    const start = async (name: string): Promise<GenServerRef> => {
      expectEqual('the starts at once', ++starting, 1)
      try {
        await system.clock.sleep(system.random.int(10))
        if (sim.choose(8, 'the start fails') === 7) throw new Error('it cannot start')
        const ref = await startCounter(system, sim.choose(2, 'it registers itself') === 1 ? name : undefined)
        made.add(ref)
        return ref
      } finally {
        starting--
      }
    }
    sim.invariant('one process lives', () => [...made].filter(isRunning).length <= 1)
    const clients = await Promise.all(
      ['p', 'q', 'r'].map((name) =>
        startClient(sim, name, async () => {
          for (let turn = 0; turn < 3; turn++) {
            try {
              const ref = await Registry.getOrStart('counter', start, system)
              await GenServer.call(ref as never, 1 as never, { timeout: Infinity } as never)
              if (sim.choose(3, 'it ends') === 2) sim.crash(ref)
            } catch (error) {
              if (!isServerNotRunningError(error) && !/cannot start/.test(String(error))) throw error
            }
          }
        }),
      ),
    )
    await Promise.all(clients.map((client) => ask(client, { type: 'go' }, Infinity)))
    await sim.settle({ heal: true })
  })
})

describe('a registry of keys', () => {
  part('lists the living processes of a key, in the order of their registration', async (sim) => {
    const system = sim.system('a')
    const rooms = Registry.create({ keys: 'duplicate', system })
    const entered: GenServerRef[] = []
    const members = await Promise.all(
      ['p', 'q', 'r'].map((name) =>
        startClient(sim, name, async () => {
          const ref = (await GenServer.start(counter, { system })) as unknown as GenServerRef
          rooms.register('lobby', ref as never, undefined as never)
          entered.push(ref)
          await sim.system(name).clock.sleep(sim.choose(5, 'how long it stays'))
          const end = sim.choose(3, 'how it leaves')
          if (end === 1) rooms.unregisterMatch('lobby', ref as never)
          if (end === 2) await GenServer.stop(ref as never)
          if (end > 0) entered.splice(entered.indexOf(ref), 1)
        }),
      ),
    )
    sim.invariant('its entries live', () => rooms.lookupAll('lobby').every(({ ref }) => isRunning(ref)))
    await Promise.all(members.map((member) => ask(member, { type: 'go' }, Infinity)))
    await sim.settle({ heal: true })
    const found = rooms.lookupAll('lobby').map(({ ref }) => entered.indexOf(ref as GenServerRef))
    expectEqual('the entries', found.join(), entered.map((_, place) => place).join())
  })
})
