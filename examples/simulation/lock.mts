// A distributed lock: who has its lease writes to a file. A lease ends by itself, so that a crashed holder keeps nobody
// out. A holder that was paused does not notice that its lease has ended.
import { GenServer, type GenServerRef } from 'keelson/otp'
import type { Simulation, SimulationProgram } from 'keelson/simulation'

const LEASE_MS = 1000
const WORK_MS = 100

interface Lease {
  readonly token: number
  readonly until: number
}

/** Answers with the token of a lease, or with 0 while somebody else has it. Each token is larger than the one before. */
const lock = (now: () => number) => ({
  init: (): Lease => ({ token: 0, until: 0 }),
  handleCall: (_: 'acquire', lease: Lease): [number, Lease] => {
    if (now() < lease.until) return [0, lease]
    const next = { token: lease.token + 1, until: now() + LEASE_MS }
    return [next.token, next]
  },
})

/** A file. The mended one refuses the token of an earlier lease. */
const file = (isMended: boolean) => ({
  init: () => 0,
  handleCall: (token: number, newest: number): ['written' | 'refused', number] => {
    if (token >= newest) return ['written', token]
    if (isMended) return ['refused', newest]
    throw new Error(`the holder of lease ${token} wrote after the holder of lease ${newest}`)
  },
})

type Lock = GenServerRef<Lease, 'acquire', unknown, number>
type File = GenServerRef<number, number, unknown, 'written' | 'refused'>

/** A worker: waits for the lock, works, and writes. */
const worker = (sim: Simulation, name: string, locks: Lock, files: File) => ({
  init: () => 0,
  handleCall: async (_: 'work', done: number): Promise<[string, number]> => {
    const { clock } = sim.system(name)
    let token = 0
    while (token === 0) {
      token = await GenServer.call(locks, 'acquire', { timeout: Infinity })
      if (token === 0) await clock.sleep(300)
    }
    await clock.sleep(WORK_MS)
    return [await GenServer.call(files, token, { timeout: Infinity }), done + 1]
  },
})

/** Two workers want the lock at the same time. */
export const distributedLock =
  (isMended: boolean): SimulationProgram =>
  async (sim: Simulation) => {
    const { clock } = sim.system('lock')
    const locks: Lock = await GenServer.start(
      lock(() => clock.monoMs()),
      { system: sim.system('lock'), name: 'lock' },
    )
    const files: File = await GenServer.start(file(isMended), { system: sim.system('storage'), name: 'file' })
    const work = async (name: string): Promise<void> => {
      const ref = await GenServer.start(worker(sim, name, locks, files), { system: sim.system(name), name: 'worker' })
      await GenServer.call(ref, 'work', { timeout: Infinity })
    }
    await Promise.all([work('a'), work('b')])
  }
