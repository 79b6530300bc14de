/** Each field of each table changes with what it shows. */
import { createAtom, createSharedAtom } from 'keelson/atom'
import { Atrion } from 'keelson/atrion'
import { bulkhead, circuitBreaker, effect, retry, sleep } from 'keelson/effect'
import { createJournal, openJournal } from 'keelson/journal'
import { Agent, Cache, EventBus, GenServer, Limiter, Observer, Supervisor, type TableKind } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import { createSystem } from 'keelson/system'
import { afterAll, describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { inside } from '../../support/inside.ts'
import { useStage } from '../../support/system.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const stage = useStage()

type Row = Readonly<Record<string, number | string>>
/** The fields that a test has seen to change, by kind. */
const changed = new Map<string, Set<string>>()

const rowsOf = (kind: TableKind): readonly Row[] => Observer.getTable(kind, stage.system).rows as readonly Row[]
const only = (kind: TableKind, name?: string): Row =>
  rowsOf(kind).find((row) => name === undefined || row['name'] === name || row['id'] === name) as Row

/** Notes the fields in which two rows differ. Fields that only grow have not become smaller. */
function differ(kind: TableKind, before: Row, after: Row): void {
  const seen = changed.get(kind) ?? new Set<string>()
  changed.set(kind, seen)
  for (const { name, type } of Observer.getTable(kind, stage.system).columns) {
    if (!Object.is(before[name], after[name])) seen.add(name)
    if (type === 'count')
      expect(after[name], `${kind}.${name} only grows`).toBeGreaterThanOrEqual(before[name] as number)
  }
}

/** Fields that tell one object from another: two rows must differ in them. */
function distinguish(kind: TableKind, one: Row, other: Row, ...fields: string[]): void {
  for (const field of fields) {
    expect(one[field], `${kind}.${field}`).not.toEqual(other[field])
    const seen = changed.get(kind) ?? new Set<string>()
    changed.set(kind, seen.add(field))
  }
}

describe('each field of a table', () => {
  it('of a process', async () => {
    const { clock, system } = stage
    Observer.configure({ estimateState: true }, system)
    const supervisor = await Supervisor.start({
      system,
      children: [{ id: 'a', start: () => GenServer.start(counter, { system, name: 'a' }) }],
    })
    const before = only('process', 'a')
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'add' as never)
    const waiting = only('process', 'a')
    differ('process', before, waiting)
    await clock.advance(5)
    differ('process', waiting, only('process', 'a'))
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    const restarted = only('process', 'a')
    expect(restarted).toMatchObject({ restarts: 1, crashes: 1, parent: supervisor.id, kind: 'GenServer' })
    differ('process', { ...before, messages: 0 }, restarted)
    distinguish('process', before, restarted, 'id', 'startedAt')
    const agent = await Agent.start(() => 'a state that is larger', { system })
    const other = only('process', agent.id)
    distinguish('process', restarted, other, 'name', 'kind', 'parent', 'memory')
    const stopping = await GenServer.start({ init: () => 0, terminate: () => new Promise<void>(() => {}) }, { system })
    const running = only('process', stopping.id)
    void GenServer.stop(stopping)
    await clock.flush()
    differ('process', running, only('process', stopping.id))
  })

  it('of a process of keelson/process, which restarts in place', async () => {
    const { clock, system } = stage
    const root = createRootSupervisor({ system })
    const ref = root.spawn(
      {
        name: 'worker',
        init: () => 0,
        handle: (state: number, message: string) => {
          if (message === 'crash') throw new Error('crash')
          return state + 1
        },
      } as never,
      {},
    )
    await clock.flush()
    const before = only('process', 'worker')
    expect(before).toMatchObject({
      id: ref.id,
      kind: 'Process',
      status: 'running',
      restarts: 0,
      startedAt: clock.now().wallMs,
    })
    ref.send('add' as never)
    ref.send('crash' as never)
    await clock.advance(200)
    expect(only('process', 'worker')).toMatchObject({ messages: 2, restarts: 1, crashes: 1 })
  })

  it('of a supervisor', async () => {
    const { clock, system } = stage
    const inner = (): Promise<never> =>
      Supervisor.start({
        system,
        name: 'inner',
        children: [{ id: 'a', start: () => GenServer.start(counter, { system }) }],
      }) as Promise<never>
    await clock.advance(3)
    const outer = await Supervisor.start({ system, name: 'outer', strategy: 'one_for_all' })
    await clock.advance(3)
    const supervisor = await Supervisor.startChild(outer, { id: 'inner', start: inner })
    const before = only('supervisor', 'inner')
    GenServer.cast(Supervisor.getChild(supervisor as never, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    await Supervisor.startChild(supervisor as never, { id: 'b', start: () => GenServer.start(counter, { system }) })
    differ('supervisor', before, only('supervisor', 'inner'))
    distinguish('supervisor', before, only('supervisor', 'outer'), 'id', 'name', 'strategy', 'parent', 'startedAt')
  })

  it('of a route', async () => {
    const { clock, system } = stage
    const atrion = new Atrion({
      system,
      autoTuner: false,
      config: { bootstrapTicks: 1, dampingFactor: 1 },
      slo: { baselineLatencyMs: 10, targetErrorRate: 0.01 },
      admission: { limit: 1, maxQueue: 1, queueDeadlineMs: 50, tricklePerSecond: 0.001, trickleShare: 0 },
    })
    atrion.route('told', { latencyMs: 10, errorRate: 0 })
    const calm = only('route', 'told')
    for (let report = 0; report < 20; report++) {
      await clock.advance(100)
      atrion.route('told', { latencyMs: 1000, errorRate: 1 })
    }
    differ('route', calm, only('route', 'told'))
    const other = new Atrion({ system, config: { baseResistance: 5 }, admission: { initialLimit: 3 } })
    other.route('other', { latencyMs: 10 })
    distinguish('route', only('route', 'told'), only('route', 'other'), 'name', 'base', 'mode')
    other.tryAdmit('roomy')

    const first = atrion.tryAdmit('gate')
    const before = only('route', 'gate')
    expect(before).toMatchObject({ limit: 1, inFlight: 1, admitted: 1 })
    distinguish('route', before, only('route', 'roomy'), 'limit')
    const waiting = atrion.admit('gate', { priority: 'low' })
    differ('route', before, only('route', 'gate'))
    for (const priority of ['critical', 'high', 'normal', 'low', 'background'] as const) {
      atrion.tryAdmit('gate', { priority })
    }
    // One that is more important takes the place in the queue; the next one finds it full.
    const better = atrion.admit('gate', { priority: 'high' })
    const full = atrion.admit('gate', { priority: 'normal' })
    await clock.advance(5)
    await clock.advance(100)
    await Promise.all([waiting, better, full])
    if (first.allow) first.done()
    const second = atrion.tryAdmit('gate', { timeoutMs: 10 })
    await clock.advance(20)
    if (second.allow) second.done()
    const failing = atrion.tryAdmit('gate')
    await clock.advance(3)
    if (failing.allow) failing.done({ ok: false })
    const after = only('route', 'gate')
    differ('route', before, after)
    const by = ['shedCritical', 'shedHigh', 'shedNormal', 'shedLow', 'shedBackground']
    expect(by.reduce((sum, field) => sum + (after[field] as number), 0)).toBe(after['shed'])
  })

  it('of a route whose errors close it', async () => {
    const { clock, system } = stage
    const atrion = new Atrion({ system, admission: { tricklePerSecond: 5, minCalls: 1, trickleShare: 0.5 } })
    atrion.tryAdmit('gate')
    const before = only('route', 'gate')
    for (let call = 0; call < 400; call++) {
      const ticket = atrion.tryAdmit('gate', { priority: 'background' })
      await clock.advance(50)
      if (ticket.allow) ticket.done({ ok: false })
    }
    differ('route', before, only('route', 'gate'))
    const quick = new Atrion({ system })
    quick.tryAdmit('quick')
    const unknown = only('route', 'quick')
    for (let call = 0; call < 100; call++) {
      const ticket = quick.tryAdmit('quick')
      await clock.advance(10)
      if (ticket.allow) ticket.done()
    }
    differ('route', unknown, only('route', 'quick'))
    const slow = new Atrion({ system, admission: { limit: 1 } })
    const holder = slow.tryAdmit('slow')
    const queued = slow.admit('slow')
    const start = only('route', 'slow')
    await clock.advance(10)
    if (holder.allow) holder.done()
    const ticket = await queued
    if (ticket.allow) ticket.done()
    differ('route', start, only('route', 'slow'))
  })

  it('of a policy', async () => {
    const { clock, system } = stage
    const circuit = circuitBreaker({ system, name: 'db', consecutive: 2 })
    const limit = bulkhead({ system, limit: 1, queue: 1 })
    retry({ system, name: 'again' })
    const [closed, free] = [only('policy', 'db'), only('policy', 'bulkhead')]
    distinguish('policy', closed, free, 'name', 'type', 'state')
    for (let call = 0; call < 3; call++) {
      await circuit.execute(() => Promise.reject(new Error('down'))).catch(() => {})
    }
    expect(only('policy', 'db')).toMatchObject({ state: 'open', calls: 3, failures: 2, rejected: 1 })
    differ('policy', closed, only('policy', 'db'))
    const ends: (() => void)[] = []
    const calls = [1, 2, 3].map(() => limit.execute(() => new Promise<void>((end) => ends.push(end))).catch(() => {}))
    await clock.flush()
    expect(only('policy', 'bulkhead')).toMatchObject({ active: 1, queued: 1, rejected: 1 })
    differ('policy', free, only('policy', 'bulkhead'))
    while (ends.length > 0) {
      ends.shift()?.()
      await clock.flush()
    }
    await Promise.all(calls)
  })

  it('of a journal, in memory and on disk', async () => {
    const { clock, system } = stage
    const memory = createJournal({ system, maxEntries: 2, overflow: 'bounded:drop_oldest' })
    const before = only('journal', memory.id)
    for (let entry = 0; entry < 3; entry++) memory.append(entry)
    differ('journal', before, only('journal', memory.id))
    expect(only('journal', memory.id)).toMatchObject({ entries: 2, first: 1, next: 3, where: 'memory' })
    const disk = await openJournal(tempDirectory(), { system })
    const empty = only('journal', disk.path)
    distinguish('journal', before, empty, 'name', 'where')
    const append = disk.append({ a: 1 })
    differ('journal', empty, only('journal', disk.path))
    expect(only('journal', disk.path)['pending']).toBe(1)
    await append
    await clock.flush()
    expect(only('journal', disk.path)).toMatchObject({ entries: 1, next: 1, pending: 0 })
    differ('journal', empty, only('journal', disk.path))
    await disk.close()
    expect(rowsOf('journal')).toHaveLength(1)
  })

  it('of a cache, whose counts grow also when it is cleared', async () => {
    const { system } = stage
    const ref = await Cache.start({ system, name: 'users', maxSize: 1 })
    const cache = Cache.handle(ref)
    const before = only('cache', 'users')
    cache.set('a', 1)
    cache.get('a')
    cache.get('b')
    cache.set('b', 2)
    await cache.getOrSet('c', () => 3)
    const after = only('cache', 'users')
    expect(after).toMatchObject({ entries: 1, hits: 1, evictions: 2, loads: 1 })
    differ('cache', before, after)
    cache.clear()
    cache.get('a')
    differ('cache', after, only('cache', 'users'))
    const memoized = Cache.memoize((value: number) => value, { system })
    await memoized(1)
    expect(only('cache', 'memoize_1')).toMatchObject({ entries: 1, misses: 1, loads: 1 })
    distinguish('cache', after, only('cache', 'memoize_1'), 'name')
  })

  it('of a cache of all threads, whose counts grow also when it is cleared', async () => {
    const { system } = stage
    const ref = await Cache.start({ system, name: 'all', shared: true })
    const cache = Cache.handle(ref)
    cache.set('a', 1)
    cache.get('a')
    cache.get('b')
    const { hits, misses } = only('cache', 'all')
    expect([hits, misses]).toEqual([1, 1])
    cache.clear()
    expect(only('cache', 'all')).toMatchObject({ entries: 0, hits: 1, misses: 1 })
  })

  it('of a limiter', async () => {
    const { clock, system } = stage
    const limiter = new Limiter({ system, maxRequests: 1, windowMs: 1000 })
    const before = only('limiter')
    limiter.take('a')
    limiter.take('a')
    const wait = limiter.wait('a')
    await clock.flush()
    expect(only('limiter')).toMatchObject({ keys: 1, admitted: 1, refused: 1, waiting: 1 })
    differ('limiter', before, only('limiter'))
    await clock.advance(2000)
    await wait
    expect(only('limiter')).toMatchObject({ admitted: 2, waiting: 0 })
    const other = new Limiter({ system, maxRequests: 1, windowMs: 1000 })
    expect(other.size).toBe(0)
    distinguish('limiter', rowsOf('limiter')[0] as Row, rowsOf('limiter')[1] as Row, 'name')
    limiter.close()
    expect(rowsOf('limiter')).toHaveLength(1)
  })

  it('of a bus', async () => {
    const { clock, system } = stage
    const bus = await EventBus.start({ system, name: 'orders' })
    const before = only('bus', 'orders')
    EventBus.events(bus, 'a.*', { highWaterMark: 1, overflow: 'drop-newest' })
    for (let message = 0; message < 4; message++) EventBus.publish(bus, 'a.b', message)
    await clock.flush()
    differ('bus', before, only('bus', 'orders'))
    const other = await EventBus.start({ system })
    distinguish('bus', before, only('bus', other.id), 'name')
  })

  it('of an atom, once it was changed or watched', () => {
    const { system } = stage
    const atom = createAtom(1, { system, name: 'balance', baseVersion: 5 })
    createAtom(1, { system }).watch(() => {})
    expect(rowsOf('atom')).toMatchObject([{ name: 'atom_1', version: 0, commits: 0, watchers: 1, shared: 0 }])
    atom.swap((value) => value + 1)
    const before = only('atom', 'balance')
    expect(before).toMatchObject({ version: 6, commits: 1, watchers: 0 })
    atom.watch(() => {})
    atom.reset(7)
    differ('atom', before, only('atom', 'balance'))
    const shared = createSharedAtom('prices', 1, { system })
    shared.swap((value) => value + 1)
    expect(only('atom', 'prices')).toMatchObject({ version: 1, commits: 1, watchers: 0 })
    distinguish('atom', before, only('atom', 'prices'), 'name', 'shared')
    shared.close()
    expect(rowsOf('atom')).toHaveLength(2)
  })

  it('of the timers', async () => {
    const { clock } = stage
    const before = only('timer')
    expect(before).toMatchObject({ pending: 0, fired: 0, nextDueMs: NaN })
    clock.schedule(10, () => {})
    const cancelled = clock.schedule(5, () => {})
    clock.schedule(30, () => {})
    expect(only('timer')).toMatchObject({ pending: 3, fired: 0, nextDueMs: 5 })
    cancelled.cancel()
    await clock.advance(15)
    expect(only('timer')).toMatchObject({ pending: 1, fired: 1, nextDueMs: 15 })
    differ('timer', before, only('timer'))
  })

  it('of the timers of a system clock', async () => {
    const system = createSystem()
    await system.clock.sleep(1)
    system.clock.schedule(60_000, () => {}, { ref: false })
    const { rows } = Observer.getTable('timer', system)
    expect(rows).toMatchObject([{ pending: 1, fired: 1 }])
    expect(rows[0]?.nextDueMs).toBeGreaterThan(50_000)
    await system.close()
  })

  it('of effects', async () => {
    const { clock, system } = stage
    expect(rowsOf('effect')).toEqual([])
    await effect(() => 1).unsafeRunPromise({ system })
    const before = only('effect')
    const waiting = sleep(10).unsafeRunPromise({ system })
    const failing = effect(() => {
      throw new Error('no')
    })
    await failing.unsafeRunPromise({ system }).catch(() => {})
    expect(only('effect')).toMatchObject({ fibres: 1, failed: 1 })
    differ('effect', before, only('effect'))
    await clock.advance(10)
    await waiting
    expect(only('effect')['fibres']).toBe(0)
  })

  it('of the event loop', async () => {
    const before = only('loop')
    let sum = 0
    for (let number = 0; number < 1e6; number++) sum += Math.sqrt(number)
    expect(sum).toBeGreaterThan(0)
    await expect
      .poll(() => {
        differ('loop', before, only('loop'))
        return [...(changed.get('loop') ?? [])].toSorted()
      })
      .toEqual(['idle', 'running'])
  })

  it('is the same for those who publish tables as plain rows', async () => {
    const { system } = stage
    const inner = system as never
    const ref = await GenServer.start(counter, { system })
    for (const { columns, kind, rows } of inside.tablesOf(inner)) {
      const shown = Observer.getTable(kind, system)
      if (kind === 'loop') continue
      expect([columns, rows]).toEqual([
        shown.columns,
        shown.rows.map((row) => [row.key, columns.map(({ name }) => row[name as never])]),
      ])
    }
    expect((inside.itemOf(inner, 'process', ref.id) as { id: string }).id).toBe(ref.id)
    expect(inside.itemOf(inner, 'process', 'none')).toBeUndefined()
  })

  it('of the system, by its name', () => {
    for (const kind of ['atom', 'timer'] as const) {
      createAtom(1, { system: stage.system }).watch(() => {})
      expect(only(kind)['system']).toBe(stage.system.name)
    }
  })

  /** Fields that this thread cannot change, or that all rows of a test have in common, each with the reason. */
  const elsewhere: Readonly<Record<string, string>> = {
    'loop.thread': 'the test of workers below',
    'loop.blocked': 'a watchdog runs: the tests of the event loop',
    'loop.longest': 'a watchdog runs: the tests of the event loop',
    'loop.stalls': 'a watchdog runs: the tests of the event loop',
  }

  afterAll(() => {
    const missing = Observer.getTables().flatMap(({ columns, kind }) =>
      columns
        .map(({ name }) => `${kind}.${name}`)
        .filter((field) => !field.endsWith('.system') && elsewhere[field] === undefined)
        .filter((field) => !(changed.get(kind) ?? new Set()).has(field.slice(kind.length + 1))),
    )
    expect(missing).toEqual([])
  })
})
