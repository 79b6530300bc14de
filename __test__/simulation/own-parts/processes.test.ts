/** Processes, their calls, links and monitors, in any order and under crashes. */
import { isCallTimeoutError, isServerNotRunningError } from 'keelson'
import { GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import { describe } from 'vitest'

import { ask, expectEqual, startClient, startServer } from '../races/tools.ts'
import { ENDLESS, ignore, isRunning, part } from './part.ts'

describe('a process', () => {
  part('handles one message at a time, those of a sender in their order, and answers each call once', async (sim) => {
    let running = 0
    const handled: string[] = []
    const { clock, random } = sim.system('server')
    const server = await startServer(
      sim.system('server'),
      () => ({}),
      async ({ type }) => {
        expectEqual('the handlers at once', ++running, 1)
        handled.push(type)
        if (random.int(2) === 0) await clock.sleep(random.int(5))
        running--
        return type
      },
    )
    const clients = await Promise.all(
      ['a', 'b'].map((name) =>
        startClient(sim, name, async () => {
          const asked = [0, 1, 2].map((index) => ask(server, { type: `${name}${index}` }, Infinity))
          expectEqual(
            'the answers',
            (await Promise.all(asked)).join(),
            [0, 1, 2].map((index) => `${name}${index}`).join(),
          )
        }),
      ),
    )
    await Promise.all(clients.map((client) => ask(client, { type: 'go' }, Infinity)))
    for (const name of ['a', 'b']) {
      expectEqual(
        `what ${name} asked`,
        handled.filter((type) => type.startsWith(name)).join(),
        `${name}0,${name}1,${name}2`,
      )
    }
  })

  part('does not run a call whose caller has given up before it began', async (sim) => {
    const { clock } = sim.system('server')
    const begun = new Set<string>()
    const server = await startServer(
      sim.system('server'),
      () => ({}),
      async ({ type }) => {
        begun.add(type)
        await clock.sleep(30)
      },
    )
    const client = await startClient(sim, 'client', async () => {
      const ends = await Promise.all(
        ['a', 'b', 'c'].map(async (type) => {
          const hasBegun = (): boolean => begun.has(type)
          try {
            await ask(server, { type }, 40)
            return { type, gaveUpBefore: false }
          } catch (error) {
            if (!isCallTimeoutError(error)) throw error
            return { type, gaveUpBefore: !hasBegun() }
          }
        }),
      )
      await sim.clock.sleep(1000)
      for (const { type, gaveUpBefore } of ends) {
        if (gaveUpBefore) expectEqual(`whether ${type} began later`, begun.has(type), false)
      }
    })
    await ask(client, { type: 'go' }, Infinity)
    await sim.settle({ heal: true })
  })

  part('that ends is told of once to each monitor, and ends those that are linked with it', async (sim) => {
    const system = sim.system('a')
    const isStopped = sim.choose(2, 'how it ends') === 0
    const subject = await GenServer.start({ init: () => 0, terminate: () => system.clock.sleep(5) } as never, {
      system,
    })
    const ends: string[] = []
    const refs: Record<string, GenServerRef> = {}
    const monitors = await Promise.all(
      ['m', 'n'].map((name) =>
        GenServer.start(
          {
            init: () => 0,
            handleCall: async (_: unknown, state: number) => {
              await GenServer.monitor(refs[name] as never, subject as never)
              return ['watches', state]
            },
            handleInfo: (info: { type: string }, state: number) => {
              if (info.type === 'DOWN') ends.push(name)
              return state
            },
          } as never,
          { system },
        ).then((ref) => (refs[name] = ref as unknown as GenServerRef)),
      ),
    )
    const linked = await startServer(
      system,
      () => ({}),
      () => 'alive',
    )
    const isLinked = sim.choose(2, 'link it') === 1
    if (isLinked) await GenServer.link(linked as never, subject as never).catch(ignore)
    const watches = monitors.map((monitor) =>
      GenServer.call(monitor as never, 'watch' as never, { timeout: Infinity } as never),
    )
    await sim.clock.sleep(sim.choose(3, 'when it ends'))
    if (isStopped) await GenServer.stop(subject as never)
    else sim.crash(subject as never)
    await Promise.all(watches)
    await sim.settle({ heal: true })
    expectEqual('those that were told', ends.toSorted().join(), 'm,n')
    if (isStopped) expectEqual('whether the linked one runs', isRunning(linked), true)
    else if (isLinked) expectEqual('whether the linked one runs', isRunning(linked), false)
  })
})

describe('a call', () => {
  part('ends: by its answer, at its deadline, or with its process', async (sim) => {
    const system = sim.system('a')
    const start = (): Promise<GenServerRef> =>
      startServer(
        system,
        () => ({}),
        async () => {
          await system.clock.sleep(system.random.int(30))
          return 'answered'
        },
      )
    const supervisor = await Supervisor.start({ system, restartIntensity: ENDLESS, children: [{ id: 'x', start }] })
    const client = await startClient(sim, 'client', async () => {
      for (let turn = 0; turn < 5; turn++) {
        const ref = Supervisor.getChildren(supervisor)[0]?.ref as GenServerRef | undefined
        if (ref === undefined) {
          await sim.system('client').clock.sleep(1)
          continue
        }
        const before = sim.clock.monoMs()
        await ask(ref, { type: 'work' }, 20).catch((error: unknown) => {
          if (!isCallTimeoutError(error) && !isServerNotRunningError(error)) throw error
        })
        // The clock of the client may be slow by a tenth, and it may be paused.
        if (sim.clock.monoMs() - before > 20 / 0.9 + 1) sim.sometimes('a call ended late', true)
      }
    })
    await ask(client, { type: 'go' }, Infinity)
    await sim.settle({ heal: true })
  })
})

describe('a process that restarts in place', () => {
  part('handles each message that was sent to it, in order, but those at which it fails', async (sim) => {
    const root = createRootSupervisor({ system: sim.system('a') })
    const handled: number[] = []
    const fails = new Set([sim.choose(6, 'the first failure'), sim.choose(6, 'the second failure')])
    const ref = root.spawn(
      {
        name: 'worker',
        init: () => 0,
        handle: async (state: number, message: number) => {
          if (fails.delete(message)) throw new Error('it fails')
          handled.push(message)
          return state + 1
        },
        supervision: { type: 'one-for-one', backoff: { initial: 10, max: 10, factor: 1 } },
      },
      undefined,
    )
    const failed = new Set(fails)
    for (let message = 0; message < 6; message++) {
      ref.send(message)
      await sim.clock.sleep(sim.choose(20, 'how long it waits'))
    }
    await sim.settle({ heal: true })
    const expected = [0, 1, 2, 3, 4, 5].filter((message) => !failed.has(message))
    expectEqual('the messages', handled.join(), expected.join())
    await root.stop()
  })
})
