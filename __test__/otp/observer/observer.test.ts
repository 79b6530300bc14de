import { createSystem } from 'keelson/system'
import { Agent, GenServer, Observer, Supervisor, Task } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const start = (name?: string) => GenServer.start(counter, { system: stage.system, ...(name !== undefined && { name }) })

/** Returns the names of a tree, nested. */
const names = (nodes: ReturnType<typeof Observer.getProcessTree>): unknown[] =>
  nodes.map((node) => (node.type === 'supervisor' ? [node.name, names(node.children)] : node.name))

describe('Observer', () => {
  it('shows a system in which nothing has run, and a closed one, as empty', async () => {
    const { system } = stage
    const empty = { servers: [], supervisors: [], tree: [], processCount: 0, totalMessages: 0, totalRestarts: 0 }
    expect(Observer.getSnapshot(system)).toMatchObject(empty)
    const other = createSystem()
    await GenServer.start(counter, { system: other })
    expect(Observer.getProcessCount(other)).toBe(1)
    await other.close()
    expect(Observer.getSnapshot(other)).toMatchObject(empty)
    expect(Observer.getTables(other).map(({ rows }) => rows.length)).toEqual(Observer.getTables(other).map(() => 0))
  })

  it('counts messages that wait and that were handled, and the time since the start', async () => {
    const { clock, system } = stage
    const ref = await start('orders')
    GenServer.cast(ref, 'add')
    GenServer.cast(ref, 'add')
    const before = { id: ref.id, name: 'orders', kind: 'GenServer', status: 'running', queueSize: 2, messageCount: 0 }
    expect(Observer.getServerStats(system)).toEqual([
      { ...before, startedAt: clock.now().wallMs, uptimeMs: 0, stateMemoryBytes: 0 },
    ])
    await clock.advance(1500)
    const after = { queueSize: 0, messageCount: 2, uptimeMs: 1500 }
    expect(Observer.getServerStats(system)).toMatchObject([after])
    expect(Observer.getSnapshot(system)).toMatchObject({ totalMessages: 2, servers: [after], processCount: 1 })
  })

  it('counts the mailbox of a process that is busy, and of one with a bound', async () => {
    const { clock, system } = stage
    const gates: (() => void)[] = []
    const slow = await GenServer.start(
      {
        init: () => 0,
        handleCast: (_: unknown, state: number) => new Promise<number>((go) => gates.push(() => go(state))),
      },
      { system },
    )
    const bounded = await GenServer.start(counter, { system, maxMailbox: 2 })
    for (let count = 0; count < 4; count++) GenServer.cast(slow, count)
    await clock.flush()
    for (let count = 0; count < 4; count++) GenServer.cast(bounded, 'add')
    expect(Observer.getServerStats(system).map(({ queueSize }) => queueSize)).toEqual([3, 2])
    expect(Observer.getTable('process', system).rows.map(({ mailbox }) => mailbox)).toEqual([3, 2])
    while (gates.length > 0) {
      gates.shift()?.()
      await clock.flush()
    }
    expect(Observer.getServerStats(system).map(({ queueSize }) => queueSize)).toEqual([0, 0])
  })

  it('shows supervisors with their restarts, and what is left of their intensity', async () => {
    const { clock, system } = stage
    const supervisor = await Supervisor.start({
      system,
      name: 'root',
      strategy: 'rest_for_one',
      children: [{ id: 'a', start: () => start('a') }],
      restartIntensity: { maxRestarts: 4, withinMs: 1000 },
    })
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    const stats = { id: supervisor.id, name: 'root', strategy: 'rest_for_one', childCount: 1, totalRestarts: 1 }
    expect(Observer.getSupervisorStats(system)).toMatchObject([{ ...stats, restartsLeft: 3 }])
    await clock.advance(1001)
    expect(Observer.getSupervisorStats(system)).toMatchObject([{ ...stats, restartsLeft: 4 }])
    await Supervisor.terminateChild(supervisor, 'a')
    expect(Observer.getSnapshot(system)).toMatchObject({ totalRestarts: 1, supervisors: [{ childCount: 0 }] })
  })

  it('nests supervisors at any depth, under their names and the ids of children', async () => {
    const { system } = stage
    const alone = await start('alone')
    const nested = (depth: number): Promise<never> =>
      Supervisor.start({
        system,
        children: [
          { id: 'leaf', start: () => start() },
          ...(depth === 0 ? [] : [{ id: `level-${depth}`, start: () => nested(depth - 1) }]),
        ],
      }) as Promise<never>
    await Supervisor.start({
      system,
      name: 'root',
      children: [
        { id: 'first', start: () => start('named') },
        { id: 'deep', start: () => nested(2) },
      ],
    })
    expect(names(Observer.getProcessTree(system))).toEqual([
      ['root', ['named', ['deep', ['leaf', ['level-2', ['leaf', ['level-1', ['leaf']]]]]]]],
      'alone',
    ])
    const { processCount, servers, supervisors } = Observer.getSnapshot(system)
    expect([processCount, servers.length, supervisors.length]).toEqual([9, 5, 4])
    await GenServer.stop(alone)
    expect(Observer.getProcessCount(system)).toBe(8)
  })

  it('leaves out a child between its end and its restart', async () => {
    const { clock, system } = stage
    const supervisor = await Supervisor.start({
      system,
      backoff: { initialMs: 100, maxMs: 100, jitter: 0 },
      children: [{ id: 'a', start: () => start() }],
    })
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    expect(Observer.getProcessTree(system)).toMatchObject([{ children: [] }])
    await clock.advance(100)
    expect(Observer.getProcessTree(system)).toMatchObject([{ children: [{ name: 'a' }] }])
  })

  it('keeps the order of starts, also when places are used again', async () => {
    const { system } = stage
    const [first, second] = [await start('1'), await start('2')]
    await GenServer.stop(first)
    await start('3')
    await GenServer.stop(second)
    await start('4')
    expect(Observer.getServerStats(system).map(({ name }) => name)).toEqual(['3', '4'])
    expect(Observer.top({ desc: false }, system).rows.map(({ name }) => name)).toEqual(['3', '4'])
    expect(Observer.top({}, system).rows.map(({ name }) => name)).toEqual(['4', '3'])
  })

  it('names the kind of each process, and shows one that starts or stops', async () => {
    const { clock, system } = stage
    let ready!: (state: number) => void
    const starting = GenServer.start({ init: () => new Promise<number>((go) => (ready = go)) }, { system })
    const stopping = await GenServer.start({ init: () => 0, terminate: () => new Promise<void>(() => {}) }, { system })
    void GenServer.stop(stopping)
    await Agent.start(() => 1, { system })
    Task.async(() => new Promise<void>(() => {}), { system })
    await clock.flush()
    const shown = Observer.getServerStats(system).map(({ kind, status }) => `${kind} ${status}`)
    expect(shown).toEqual(['GenServer initializing', 'GenServer stopping', 'Agent running', 'Task running'])
    ready(1)
    await starting
    expect(Observer.getServerStats(system)[0]?.status).toBe('running')
  })

  it('measures memory and the event loop', () => {
    const { clock, system } = stage
    const memory = Observer.getMemoryStats(system)
    expect(memory.rss).toBeGreaterThan(memory.heapUsed)
    expect(memory.timestamp).toBe(clock.now().wallMs)
    const loop = Observer.getLoopStats()
    expect(loop.utilization).toBeGreaterThan(0)
    expect(loop.activeMs).toBeGreaterThan(0)
    expect(loop.delay).toBeUndefined()
    Observer.configure({ loopDelay: true }, system)
    expect(Observer.getLoopStats().delay).toMatchObject({ maxMs: expect.any(Number), p99Ms: expect.any(Number) })
    Observer.configure({ loopDelay: false }, system)
    expect(Observer.getLoopStats().delay).toBeUndefined()
  })

  it('refuses what is no system, a setting that it does not know, and a name of a table that it does not have', () => {
    const { system } = stage
    expect(() => Observer.getSnapshot(undefined as never)).toThrow('options.system')
    expect(() => Observer.getSnapshot({} as never)).toThrow('options.system must be a System')
    expect(() => Observer.configure({ estimate: true } as never, system)).toThrow('settings.estimate')
    expect(() => Observer.configure({ estimateState: 1 } as never, system)).toThrow('settings.estimateState')
    expect(() => Observer.getTable('processes' as never, system)).toThrow('kind')
    expect(() => Observer.top({ by: 'size' } as never, system)).toThrow('options.by')
    expect(() => Observer.top({ limit: 0 }, system)).toThrow('options.limit')
    expect(() => Observer.top({ offset: -1 }, system)).toThrow('options.offset')
    expect(() => Observer.top({ filter: 1 } as never, system)).toThrow('options.filter')
  })

  it('serves the default system without an argument', async () => {
    const count = Observer.getProcessCount()
    const ref = await GenServer.start(counter)
    expect(Observer.getProcessCount()).toBe(count + 1)
    await GenServer.stop(ref)
  })
})

describe('Observer.stopProcess', () => {
  it('ends a process with a reason', async () => {
    const { system } = stage
    const reasons: unknown[] = []
    const listening = { ...counter, terminate: (reason: unknown) => void reasons.push(reason) }
    const refs = [await GenServer.start(listening, { system }), await GenServer.start(listening, { system })]
    expect(await Observer.stopProcess(refs[0]?.id as string, 'normal', system)).toEqual({ success: true })
    expect(await Observer.stopProcess(refs[1]?.id as string, 'because', system)).toEqual({ success: true })
    expect(reasons).toEqual(['normal', 'shutdown'])
  })

  it('D12: removes a permanent child from its supervisor, so that it does not restart', async () => {
    const { clock, system } = stage
    const supervisor = await Supervisor.start({ system, children: [{ id: 'a', start: () => start() }] })
    const child = Supervisor.getChild(supervisor, 'a')?.ref.id as string
    expect(await Observer.stopProcess(child, 'normal', system)).toEqual({ success: true })
    await clock.advance(10_000)
    expect(Supervisor.countChildren(supervisor)).toBe(0)
    expect(Observer.getProcessTree(system)).toMatchObject([{ id: supervisor.id, children: [] }])
  })

  it('ends a supervisor with its children', async () => {
    const { system } = stage
    const supervisor = await Supervisor.start({ system, children: [{ id: 'a', start: () => start() }] })
    expect(await Observer.stopProcess(supervisor.id, 'normal', system)).toEqual({ success: true })
    expect(Observer.getProcessCount(system)).toBe(0)
  })

  it('says why it does not: no such process, or a clean-up that fails', async () => {
    const { system } = stage
    const missing = { success: false, error: "Process with ID 'genserver_0' not found" }
    expect(await Observer.stopProcess('genserver_0', 'normal', system)).toEqual(missing)
    const failing = { ...counter, terminate: () => Promise.reject(new Error('no clean-up')) }
    const ref = await GenServer.start(failing, { system })
    expect(await Observer.stopProcess(ref.id, undefined, system)).toEqual({ success: false, error: 'no clean-up' })
    await expect(Observer.stopProcess('', 'normal', system)).rejects.toThrow('id')
  })
})

describe('crashes and restarts', () => {
  it('keeps the last crashes with their stack and the type of the message, and the restarts that followed', async () => {
    const { clock, system } = stage
    const supervisor = await Supervisor.start({ system, children: [{ id: 'a', start: () => start('worker') }] })
    const failed = Supervisor.getChild(supervisor, 'a')?.ref.id
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    const place = { name: 'worker', childId: 'a', supervisorId: supervisor.id }
    expect(Observer.getCrashes(system)).toMatchObject([
      { ...place, at: clock.now().wallMs, processId: failed, kind: 'GenServer', messageType: 'crash', error: 'crash' },
    ])
    expect(Observer.getCrashes(system)[0]?.stack).toContain('counter.ts')
    const current = Supervisor.getChild(supervisor, 'a')?.ref.id
    expect(Observer.getRestarts(system)).toMatchObject([{ ...place, processId: current, attempt: 1 }])
  })

  it('keeps 64 crashes and 256 restarts, with texts of a bounded length', async () => {
    const { clock, system } = stage
    const long = 'x'.repeat(10_000)
    const failing = {
      init: () => 0,
      handleCast: (message: { number: number }): number => {
        throw new Error(`${message.number} ${long}`)
      },
    }
    const supervisor = await Supervisor.start({
      system,
      restartIntensity: { maxRestarts: 1000 },
      children: [{ id: 'a', start: () => GenServer.start(failing, { system }) }],
    })
    for (let number = 1; number <= 300; number++) {
      GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, { number } as never)
      await clock.flush()
    }
    const crashes = Observer.getCrashes(system)
    expect(crashes.map(({ error }) => Number.parseInt(error, 10))).toEqual(
      Array.from({ length: 64 }, (_, at) => 237 + at),
    )
    expect(Math.max(...crashes.map(({ error }) => error.length))).toBe(512)
    expect(Math.max(...crashes.map(({ stack }) => stack.length))).toBe(4096)
    const restarts = Observer.getRestarts(system)
    expect(restarts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 256 }, (_, at) => 45 + at))
  })
})
