/** Races with deadlines, pauses and crashes. Without faults none of them shows. */
import { isCallTimeoutError } from 'keelson'
import type { GenServerRef } from 'keelson/otp'
import { ask, expectEqual, type Race, startClient, startServer } from './tools.ts'

export const leaseAfterPause: Race = {
  name: 'lease after pause',
  options: { faults: { pause: 0.05 } },
  program: (isFixed) => async (sim) => {
    const lock = await startServer(
      sim.system('lock'),
      () => ({ until: 0, token: 0 }),
      (message, state) => {
        const now = sim.system('lock').clock.monoMs()
        if (message.type !== 'lease' || now < state.until) return 0
        state.until = now + 1000
        return ++state.token
      },
    )
    let [file, lastToken] = [0, 0]
    const storage = await startServer(
      sim.system('storage'),
      () => ({}),
      ({ token }) => {
        if (isFixed && (token as number) < lastToken) return 'refused'
        if ((token as number) < lastToken) throw new Error('an old holder wrote after a newer one')
        lastToken = token as number
        return ++file
      },
    )
    const work = async (node: string): Promise<void> => {
      const { clock } = sim.system(node)
      let token = 0
      while (token === 0) {
        token = await ask<number>(lock, { type: 'lease' }, 60_000)
        if (token === 0) await clock.sleep(300)
      }
      await clock.sleep(100)
      await ask(storage, { type: 'write', token }, 60_000)
    }
    const clients = [await startClient(sim, 'a', () => work('a')), await startClient(sim, 'b', () => work('b'))]
    await Promise.all(clients.map((client) => ask(client, { type: 'go' }, 120_000)))
  },
}

export const retryStorm: Race = {
  name: 'retry storm',
  options: { faults: { pause: 0.02 } },
  program: (isFixed) => async (sim) => {
    const { clock } = sim.system('server')
    let waiting = 0
    const server = await startServer(
      sim.system('server'),
      () => ({}),
      async () => {
        await clock.sleep(10)
        return 'done'
      },
    )
    sim.invariant('at most nine requests wait', () => waiting <= 9)
    const request = async (): Promise<void> => {
      waiting++
      const sent = ask(server, { type: 'work' }, 60_000).then(() => waiting--)
      const late = Symbol('late')
      const timeout = sim.clock.sleep(100).then(() => late)
      if ((await Promise.race([sent, timeout])) !== late) await timeout
      else if (isFixed) await sent
      else await request()
    }
    await Promise.all([1, 2, 3].map(async () => request()))
    await sim.settle()
  },
}

export const ackBeforeSync: Race = {
  name: 'ack before sync',
  program: (isFixed) => async (sim) => {
    const disk: number[] = []
    const start = (): Promise<GenServerRef> => {
      const system = sim.system('store')
      const sync = async (buffer: number[]): Promise<void> => {
        await system.clock.sleep(5)
        disk.push(...buffer.splice(0))
      }
      return startServer(
        system,
        () => [] as number[],
        async ({ add }, buffer) => {
          buffer.push(add as number)
          const synced = sync(buffer)
          if (isFixed) await synced
          return 'stored'
        },
      )
    }
    let store = await start()
    const acknowledged: number[] = []
    for (let entry = 0; entry < 5; entry++) {
      await ask(store, { type: 'add', add: entry })
      acknowledged.push(entry)
      await sim.clock.sleep(2)
      if (sim.choose(10, 'the power fails') === 0) continue
      sim.crash(sim.system('store'))
      store = await start()
    }
    await sim.clock.sleep(100)
    for (const entry of acknowledged) {
      if (!disk.includes(entry)) throw new Error(`entry ${entry} was acknowledged and is lost`)
    }
  },
}

export const dedupeWindow: Race = {
  name: 'dedupe window',
  options: { faults: { pause: 0.05 } },
  program: (isFixed) => async (sim) => {
    let charged = 0
    const { clock } = sim.system('payments')
    const payments = await startServer(
      sim.system('payments'),
      () => new Map<unknown, number>(),
      ({ id }, seen) => {
        const now = clock.monoMs()
        if (!isFixed) for (const [old, at] of seen) if (now - at > 1000) seen.delete(old)
        if (!seen.has(id)) charged++
        seen.set(id, now)
        return 'charged'
      },
    )
    const client = await startClient(sim, 'client', async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          await ask(payments, { type: 'charge', id: 'order 1' }, 500)
          // The answer gets lost once in a while, and the client tries again.
          if (attempt > 2 || sim.choose(3, 'the answer is lost') === 0) return
        } catch (error) {
          if (!isCallTimeoutError(error)) throw error
        }
        await sim.system('client').clock.sleep(200)
      }
    })
    await ask(client, { type: 'go' }, Infinity)
    if (charged > 1) throw new Error(`the order was charged ${charged} times`)
  },
}

export const timeoutAgainstReply: Race = {
  name: 'timeout against reply',
  options: { faults: { pause: 0.05 } },
  program: (isFixed) => async (sim) => {
    const { clock } = sim.system('shop')
    const shop = await startServer(
      sim.system('shop'),
      () => ({ sold: 0, cancelled: new Set<unknown>() }),
      async (message, state) => {
        if (message.type === 'cancel') {
          state.cancelled.add(message['id'])
          state.sold = 0
        }
        if (message.type !== 'buy') return state.sold
        await clock.sleep(10)
        if (!state.cancelled.has(message['id'])) state.sold = 1
        return state.sold
      },
    )
    let refunded = 0
    const client = await startClient(sim, 'client', async () => {
      try {
        await ask(shop, { type: 'buy', id: 1 }, 50)
      } catch (error) {
        if (!isCallTimeoutError(error)) throw error
        if (isFixed) await ask(shop, { type: 'cancel', id: 1 }, Infinity)
        refunded++
      }
    })
    await ask(client, { type: 'go' }, Infinity)
    await sim.clock.sleep(60_000)
    const sold = await ask<number>(shop, { type: 'get' }, Infinity)
    expectEqual('what was sold or refunded', sold + refunded, 1)
  },
}

export const restartDuringStop: Race = {
  name: 'restart during stop',
  program: (isFixed) => async (sim) => {
    let running = 0
    // A manager of the user's own, which starts its worker again when that has crashed.
    const manager = await startServer(
      sim.system('app'),
      () => ({ isStopped: false, worker: undefined as object | undefined }),
      ({ type }, state) => {
        if (type === 'start' && !(isFixed && state.isStopped)) {
          state.worker = {}
          running++
        }
        if ((type === 'stop' || type === 'crashed') && state.worker !== undefined) {
          state.worker = undefined
          running--
        }
        if (type === 'stop') state.isStopped = true
        return running
      },
    )
    await ask(manager, { type: 'start' })
    const watchdog = await startClient(sim, 'watchdog', async () => {
      // It learns of a crash, and asks for a new worker.
      await ask(manager, { type: 'crashed' })
      await ask(manager, { type: 'start' })
    })
    const operator = await startClient(sim, 'operator', async () => {
      for (let look = 0; look < 4; look++) await ask(manager, { type: 'look' })
      await ask(manager, { type: 'stop' })
    })
    await Promise.all([ask(watchdog, { type: 'go' }), ask(operator, { type: 'go' })])
    expectEqual('the number of workers after the stop', running, 0)
  },
}
