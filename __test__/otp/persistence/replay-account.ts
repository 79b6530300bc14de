/** Events of all kinds of plain data, and a process whose state depends on each of them and on their order. */
import { createHash } from 'node:crypto'
import { openJournal } from 'keelson/journal'
import { GenServer, type PersistOptions } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'

export type ReplayEvent =
  | { readonly type: 'paid'; readonly amount: number; readonly at: Date; readonly customer: string }
  | { readonly type: 'counted'; readonly total: bigint; readonly tags: ReadonlySet<string> }
  | { readonly type: 'stored'; readonly bytes: Uint8Array; readonly meta: ReadonlyMap<string, unknown> }

export interface ReplayState {
  readonly sum: number
  readonly total: bigint
  readonly customers: ReadonlyMap<string, { readonly paid: number; readonly last: Date }>
  readonly tags: readonly string[]
  readonly digest: string
  readonly odd: readonly unknown[]
}

const CUSTOMERS = ['ann', 'Ünal', '李雷', 'b🦀b', '\u0000 "quoted" \\', '10', '9', '']

/** 300 events, the same ones each time. */
export function replayEvents(): ReplayEvent[] {
  return Array.from({ length: 300 }, (_, n): ReplayEvent => {
    if (n % 3 === 0) {
      const amount = [0.1 * n, -0, Number.NaN, Infinity, n / 7, 1e21 + n, 5e-324][n % 7] as number
      return { type: 'paid', amount, at: new Date(Date.UTC(2024, 1, 29) + n * 86_399_999), customer: CUSTOMERS[n % 8]! }
    }
    if (n % 3 === 1) return { type: 'counted', total: 3n ** BigInt(n % 90), tags: new Set([`t${n % 11}`, `u${n % 5}`]) }
    const meta = new Map<string, unknown>([
      ['z', undefined],
      [`a${n}`, [null, { b: n, a: -n, 10: 'ten', 9: 'nine' }]],
    ])
    return { type: 'stored', bytes: Uint8Array.from({ length: n % 40 }, (__, at) => (at * n) % 256), meta }
  })
}

const hashed = (digest: string, part: string | Uint8Array): string =>
  createHash('sha256').update(digest).update(part).digest('hex')

function applyPaid(state: ReplayState, { amount, at, customer }: Extract<ReplayEvent, { type: 'paid' }>): ReplayState {
  const customers = new Map(state.customers)
  const earlier = customers.get(customer)
  customers.set(customer, { paid: (earlier?.paid ?? 0) + amount, last: at })
  const isPlain = Number.isFinite(amount) && Math.abs(amount) < 1e15
  if (isPlain) return { ...state, customers, sum: state.sum + amount }
  return { ...state, customers, odd: [...state.odd, amount].slice(-20) }
}

export const replayPersist: Omit<PersistOptions<ReplayState, ReplayEvent>, 'journal'> = {
  stream: 'account',
  init: () => ({ sum: 0, total: 0n, customers: new Map(), tags: [], digest: '', odd: [] }),
  apply: {
    paid: applyPaid,
    counted: (state: ReplayState, { total, tags }: Extract<ReplayEvent, { type: 'counted' }>) => ({
      ...state,
      total: state.total + total,
      // A sort that is stable, of pairs that are equal to it.
      tags: [...new Set([...state.tags, ...tags])].toSorted((one, other) => Number(one > 't9') - Number(other > 't9')),
    }),
    stored: (
      state: ReplayState,
      { bytes, meta }: Extract<ReplayEvent, { type: 'stored' }>,
      { sequence, position },
    ) => ({
      ...state,
      digest: hashed(hashed(state.digest, bytes), JSON.stringify([...meta, sequence, position])),
    }),
  },
}

/** Writes a journal with the events, by a clock that always says the same. */
export async function writeReplay(path: string): Promise<void> {
  await using system = createTestSystem({ initialTime: Date.UTC(2025, 0, 1) })
  await using journal = await openJournal<ReplayEvent>(path, { system, durability: 'flush' })
  for (const event of replayEvents()) {
    await journal.append(event, { stream: 'account' })
    system.clock.advanceBy(1.5)
  }
}

/** Starts the process, and writes its state into a journal of its own. */
export async function replayInto(path: string, statePath: string): Promise<void> {
  await using system = createTestSystem({ initialTime: Date.UTC(2025, 0, 2) })
  await using journal = await openJournal<ReplayEvent>(path, { system })
  const server = await GenServer.start({}, { system, persist: { ...replayPersist, journal } as never })
  await using states = await openJournal(statePath, { system })
  await states.append(GenServer.getState(server))
  await GenServer.stop(server)
}
