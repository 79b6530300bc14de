// A bank with two tellers. Each withdrawal reads the balance, and then writes the new one.
import { GenServer, type GenServerRef } from 'keelson/otp'
import type { Simulation, SimulationProgram } from 'keelson/simulation'

type Request =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly balance: number }
  | { readonly type: 'withdraw'; readonly amount: number }

type Account = GenServerRef<number, Request, unknown, number>

const account = {
  init: () => 100,
  handleCall: (request: Request, balance: number): [number, number] => {
    if (request.type === 'write') return [request.balance, request.balance]
    if (request.type === 'withdraw') return [balance - request.amount, balance - request.amount]
    return [balance, balance]
  },
}

/** A teller. The mended one sends one message, which nothing can come between. */
const teller = (ref: Account, isMended: boolean) => ({
  init: () => 0,
  handleCall: async (amount: number, served: number): Promise<[string, number]> => {
    if (isMended) {
      await GenServer.call(ref, { type: 'withdraw', amount })
    } else {
      const balance = await GenServer.call(ref, { type: 'read' })
      await GenServer.call(ref, { type: 'write', balance: balance - amount })
    }
    return ['paid', served + 1]
  },
})

/** Two customers withdraw, the second one 50 ms after the first. The account must have what is left. */
export const bank =
  (isMended: boolean): SimulationProgram =>
  async (sim: Simulation) => {
    const ref = await GenServer.start(account, { system: sim.system('bank'), name: 'account' })
    const first = await GenServer.start(teller(ref, isMended), { system: sim.system('first'), name: 'teller' })
    const second = await GenServer.start(teller(ref, isMended), { system: sim.system('second'), name: 'teller' })
    const later = sim.clock.sleep(50).then(() => GenServer.call(second, 20))
    await Promise.all([GenServer.call(first, 10), later])
    const balance = await GenServer.call(ref, { type: 'read' })
    if (balance !== 70) throw new Error(`the balance is ${balance}, not 70`)
  }
