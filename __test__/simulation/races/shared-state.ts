/** Races of two clients over one state. In the order of production, the first one has done when the second begins. */
import type { GenServerRef } from 'keelson/otp'
import type { Simulation } from 'keelson/simulation'
import { ask, expectEqual, type Message, type Race, startClient, startServer } from './tools.ts'

/** Lets a client take longer than others, by calls to a process that only answers. */
async function comeLater(relay: GenServerRef, hops: number): Promise<void> {
  for (let hop = 0; hop < hops; hop++) await ask(relay, { type: 'hop' })
}

const startRelay = (sim: Simulation): Promise<GenServerRef> =>
  startServer(
    sim.system('relay'),
    () => ({}),
    () => true,
  )

const HOPS = 8

/** Runs two clients at once, the second one later. */
async function both(sim: Simulation, run: (message: Message) => Promise<unknown>): Promise<void> {
  const relay = await startRelay(sim)
  const first = await startClient(sim, 'first', run)
  const second = await startClient(sim, 'second', async (message) => {
    await comeLater(relay, HOPS)
    return run(message)
  })
  await Promise.all([ask(first, { type: 'go', by: 1 }), ask(second, { type: 'go', by: 2 })])
}

export const lostUpdate: Race = {
  name: 'lost update',
  program: (isFixed) => async (sim) => {
    const account = await startServer(
      sim.system('bank'),
      () => ({ balance: 100 }),
      (message, state) => {
        if (message.type === 'set') state.balance = message['to'] as number
        if (message.type === 'withdraw') state.balance -= message['amount'] as number
        return state.balance
      },
    )
    await both(sim, async ({ by }) => {
      const amount = (by as number) * 10
      if (isFixed) return await ask(account, { type: 'withdraw', amount })
      const balance = await ask<number>(account, { type: 'get' })
      return await ask(account, { type: 'set', to: balance - amount })
    })
    expectEqual('the balance', await ask(account, { type: 'get' }), 70)
  },
}

export const readThenWrite: Race = {
  name: 'read then write across await',
  program: (isFixed) => async (sim) => {
    const payments = await startServer(
      sim.system('payments'),
      () => ({}),
      () => 'paid',
    )
    let stock = 1
    let sold = 0
    await both(sim, async () => {
      if (stock < 1) return 'sold out'
      if (isFixed) stock--
      await ask(payments, { type: 'pay' })
      if (!isFixed) stock--
      sold++
      return 'sold'
    })
    expectEqual('the number sold', sold, 1)
  },
}

export const doubleStart: Race = {
  name: 'double start',
  program: (isFixed) => async (sim) => {
    const config = await startServer(
      sim.system('config'),
      () => ({}),
      () => 'settings',
    )
    let starts = 0
    let starting: Promise<GenServerRef> | undefined
    let worker: GenServerRef | undefined
    const start = async (): Promise<GenServerRef> => {
      starts++
      await ask(config, { type: 'read' })
      return await startServer(
        sim.system('worker'),
        () => ({}),
        () => 'done',
      )
    }
    await both(sim, async () => {
      if (isFixed) {
        starting ??= start()
        return await ask(await starting, { type: 'work' })
      }
      worker ??= await start()
      return await ask(worker, { type: 'work' })
    })
    expectEqual('the number of starts', starts, 1)
  },
}

export const twoWriters: Race = {
  name: 'two writers',
  program: (isFixed) => async (sim) => {
    const store = await startServer(
      sim.system('store'),
      () => ({ leader: undefined as unknown }),
      (message, state) => {
        if (message.type === 'claim' && state.leader === undefined) state.leader = message['by']
        if (message.type === 'set') state.leader = message['by']
        return state.leader
      },
    )
    let writers = 0
    await both(sim, async ({ by }) => {
      if (isFixed) {
        if ((await ask(store, { type: 'claim', by })) === by) writers++
        return
      }
      if ((await ask(store, { type: 'get' })) !== undefined) return
      await ask(store, { type: 'set', by })
      writers++
    })
    expectEqual('the number of writers', writers, 1)
  },
}

interface Versioned {
  readonly value: string
  readonly version: number
}

export const staleFill: Race = {
  name: 'stale cache fill',
  program: (isFixed) => async (sim) => {
    const database = await startServer(
      sim.system('database'),
      () => ({ value: 'old', version: 1 }),
      (message, state) => {
        if (message.type === 'write') Object.assign(state, { value: message['value'], version: state.version + 1 })
        return { ...state }
      },
    )
    const cache = await startServer(
      sim.system('cache'),
      () => ({ entry: undefined as Versioned | undefined, least: 0 }),
      (message, state) => {
        const { entry } = message as unknown as { readonly entry: Versioned }
        if (message.type === 'fill' && (!isFixed || entry.version >= state.least)) state.entry = entry
        if (message.type === 'invalidate') Object.assign(state, { entry: undefined, least: message['version'] })
        return state.entry?.value
      },
    )
    const renderer = await startServer(
      sim.system('renderer'),
      () => ({}),
      () => 'rendered',
    )
    const relay = await startRelay(sim)
    const reader = await startClient(sim, 'reader', async () => {
      if ((await ask(cache, { type: 'get' })) !== undefined) return
      const entry = await ask<Versioned>(database, { type: 'read' })
      await ask(renderer, { type: 'render' })
      await ask(cache, { type: 'fill', entry })
    })
    const writer = await startClient(sim, 'writer', async () => {
      await comeLater(relay, HOPS)
      const { version } = await ask<Versioned>(database, { type: 'write', value: 'new' })
      await ask(cache, { type: 'invalidate', version })
    })
    await Promise.all([ask(reader, { type: 'go' }), ask(writer, { type: 'go' })])
    const cached = await ask(cache, { type: 'get' })
    if (cached !== undefined) expectEqual('the cached value', cached, 'new')
  },
}

export const lostWakeUp: Race = {
  name: 'lost wake-up',
  program: (isFixed) => async (sim) => {
    const queue = await startServer(
      sim.system('queue'),
      () => ({ jobs: 0, wake: undefined as (() => void) | undefined }),
      (message, state) => {
        const take = (): boolean => state.jobs > 0 && state.jobs-- > 0
        if (message.type === 'push') {
          state.jobs++
          state.wake?.()
          state.wake = undefined
        }
        if (message.type === 'take') return take()
        if (message.type === 'wait') {
          if (isFixed && take()) (message['wake'] as () => void)()
          else state.wake = message['wake'] as () => void
        }
        return undefined
      },
    )
    const relay = await startRelay(sim)
    const consumer = await startClient(sim, 'consumer', async () => {
      if (await ask(queue, { type: 'take' })) return
      await new Promise<void>((resolve) => {
        void ask(queue, { type: 'wait', wake: resolve })
      })
    })
    const producer = await startClient(sim, 'producer', async () => {
      await comeLater(relay, HOPS)
      await ask(queue, { type: 'push' })
    })
    await Promise.all([ask(consumer, { type: 'go' }), ask(producer, { type: 'go' })])
  },
}
