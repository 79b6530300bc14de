/** Faults that other observers have had. The numbers are those of a list of pitfalls that the project keeps. */
import * as fc from 'fast-check'
import { createAtom } from 'keelson/atom'
import { Atrion } from 'keelson/atrion'
import { createControlledClock } from 'keelson/clock'
import { observe } from 'keelson/observe'
import { GenServer, Observer, type TableKind } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { inside } from '../../support/inside.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()

const never = (): never => {
  throw new Error('user code ran')
}

/** A value whose every access throws. */
const hostile = new Proxy(
  {},
  {
    get: never,
    has: never,
    ownKeys: never,
    getOwnPropertyDescriptor: never,
    getPrototypeOf: never,
    isExtensible: never,
  },
)

describe('1 snapshot of 100 000 processes runs no user code (getters and proxies that throw)', () => {
  it('with states, atoms and messages that may not be touched', { timeout: 120_000 }, async () => {
    const system = createSystem()
    const state = {
      hostile,
      get thrown() {
        return never()
      },
      toJSON: never,
    }
    const behavior = { init: () => state, handleCast: (_: unknown, same: typeof state) => same }
    const refs: Awaited<ReturnType<typeof GenServer.start>>[] = []
    for (let count = 0; count < 100_000; count++) refs.push(await GenServer.start(behavior, { system }))
    createAtom(hostile, { system, name: 'hostile' }).watch(never)
    GenServer.cast(refs[0] as never, hostile as never)
    Observer.configure({ estimateState: true }, system)
    const { processCount, servers } = Observer.getSnapshot(system)
    expect([processCount, servers.length]).toEqual([100_000, 100_000])
    expect(servers[0]).toMatchObject({ queueSize: 1, stateMemoryBytes: expect.any(Number) })
    expect(Observer.top({ by: 'mailbox', limit: 1 }, system).rows).toMatchObject([{ mailbox: 1, id: refs[0]?.id }])
    expect(Observer.getTable('atom', system).rows).toMatchObject([{ name: 'hostile', watchers: 1 }])
    await system.close()
  })
})

describe('2 top-K equals a full sort under every key', () => {
  /** Compares as the core does: numbers with NaN last, texts by code points. */
  function order(one: number | string, other: number | string, desc: boolean): number {
    if (typeof one === 'string' || typeof other === 'string') {
      return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other))) * (desc ? -1 : 1)
    }
    if (Number.isNaN(one) || Number.isNaN(other)) return Number(Number.isNaN(one)) - Number(Number.isNaN(other))
    return one === other ? 0 : one < other === desc ? 1 : -1
  }

  it('for processes and routes, with any page and any filter', async () => {
    const { clock, system } = stage
    const atrion = new Atrion({ system })
    for (let number = 0; number < 40; number++) {
      const ref = await GenServer.start(counter, { system, ...(number % 3 > 0 && { name: `n${(number * 7) % 40}😀` }) })
      for (let cast = 0; cast < (number * 5) % 7; cast++) GenServer.cast(ref, 'add')
      if (number % 4 === 0) await clock.advance(1)
      if (number % 2 === 0) atrion.tryAdmit(`route-${number}`, { priority: 1 + number })
      else atrion.route(`route-${number}`, { latencyMs: number })
    }
    const kinds: TableKind[] = ['process', 'route']
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.nat(40),
        fc.boolean(),
        fc.nat(50),
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('', 'n', '1', 'OPERATIONAL', 'zzz'),
        (kind, place, desc, offset, limit, filter) => {
          const { columns, rows } = Observer.getTable(kind, system)
          const by = columns[place % columns.length]?.name as never
          const texts = columns.filter(({ type }) => type === 'text').map(({ name }) => name)
          const shown = rows.filter((row) =>
            texts.some((name) =>
              String(row[name as never])
                .toLowerCase()
                .includes(filter.toLowerCase()),
            ),
          )
          const page = Observer.top({ kind, by, desc, offset, limit, filter }, system)
          const sorted = shown.toSorted((one, other) => order(one[by], other[by], desc))
          expect([page.total, page.matching]).toEqual([rows.length, shown.length])
          expect(page.rows.map(({ key }) => key)).toEqual(sorted.slice(offset, offset + limit).map(({ key }) => key))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('with pages that neither overlap nor miss a row', async () => {
    const { system } = stage
    for (let number = 0; number < 25; number++) await GenServer.start(counter, { system })
    const pages = [0, 10, 20].map((offset) => Observer.top({ by: 'mailbox', offset, limit: 10 }, system).rows)
    const keys = pages.flat().map(({ key }) => key)
    expect(keys).toEqual(Observer.getTable('process', system).rows.map(({ key }) => key))
  })
})

it('3 process that ends between list and detail shows `gone`', async () => {
  const { system } = stage
  const ref = await GenServer.start(counter, { system })
  const [listed] = Observer.getServerStats(system)
  await GenServer.stop(ref)
  const id = listed?.id as string
  expect(await Observer.stopProcess(id, 'normal', system)).toMatchObject({ success: false })
  await expect(Observer.getState(id, {}, system)).rejects.toThrow('ref')
  await expect(Observer.getState(ref)).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  expect(Observer.top({ filter: id }, system)).toMatchObject({ matching: 0, rows: [] })
})

describe('4 no reader: 0 allocations and 0 crossings added in a soak', () => {
  /** Counts the calls into the core while a function runs. */
  async function crossings(body: () => Promise<void>): Promise<Record<string, number>> {
    const hot = inside.hot as unknown as Record<string, (...args: number[]) => number>
    const counts: Record<string, number> = {}
    const real = { ...hot }
    for (const [name, call] of Object.entries(real)) {
      hot[name] = (...args) => {
        counts[name] = (counts[name] ?? 0) + 1
        return call(...args)
      }
    }
    try {
      await body()
    } finally {
      Object.assign(hot, real)
    }
    return counts
  }

  it('messages and admissions cross as often before an observer was used as after it has ended', async () => {
    const soak = () =>
      crossings(async () => {
        // A clock that stands still: on the host's, a slow machine has more rounds.
        const system = createSystem({ seed: 1, clock: createControlledClock(), closeClock: true })
        const ref = await GenServer.start(counter, { system })
        const atrion = new Atrion({ system })
        for (let round = 0; round < 50; round++) {
          for (let cast = 0; cast < 20; cast++) GenServer.cast(ref, 'add')
          await GenServer.call(ref, 'get')
          await atrion.run('db', () => 1)
        }
        await system.close()
      })
    const actorAndAdmission = (counts: Record<string, number>) =>
      Object.fromEntries(Object.entries(counts).filter(([name]) => /^(?:actor|engine)/.test(name)))
    const before = actorAndAdmission(await soak())
    expect(before['actorRound']).toBeGreaterThan(50)
    const system = createSystem()
    const ends = [Observer.subscribe(() => {}, system), Observer.startPolling(1, () => {}, system)]
    Observer.getSnapshot(system)
    Observer.getTables(system)
    for (const end of ends) end()
    const after = actorAndAdmission(await soak())
    expect(after).toEqual(before)
    expect(Object.keys(before)).not.toContain('actorMailbox')
    await system.close()
  })

  it('makes no event while nobody listens', async () => {
    const { system } = stage
    const end = Observer.subscribe(() => {}, system)
    end()
    let made = 0
    const notify = (): void => void made++
    const ref = await GenServer.start(counter, { system })
    await GenServer.stop(ref)
    expect(made).toBe(0)
    const stop = Observer.subscribe(notify, system)
    await GenServer.start(counter, { system })
    expect(made).toBe(1)
    stop()
  })
})

it('17 stall of 150 ms each second is counted', async () => {
  const system = createSystem()
  expect(Observer.getLoopStats()).toMatchObject({ blockedMs: 0, longestMs: 0, stalls: 0 })
  const observation = await observe(system, { http: true, stallMs: 100 })
  for (let stall = 0; stall < 3; stall++) {
    const end = performance.now() + 150
    while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await expect.poll(() => Observer.getLoopStats().stalls).toBeGreaterThanOrEqual(3)
  const { blockedMs, longestMs, stalls } = Observer.getLoopStats()
  expect(blockedMs).toBeGreaterThanOrEqual(450)
  expect(longestMs).toBeGreaterThanOrEqual(150)
  const { rows } = Observer.getTable('loop', system)
  expect(rows[0]?.stalls).toBeGreaterThanOrEqual(stalls)
  expect(rows[0]?.blocked).toBeGreaterThanOrEqual(blockedMs)
  await observation.close()
  await system.close()
})
