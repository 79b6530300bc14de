import {
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  type PartitionSupervisorOptions,
  PartitionSupervisor,
  type PartitionSupervisorRef,
  Registry,
  Supervisor,
  type SupervisorRef,
} from 'keelson'
import { describe, expect, it } from 'vitest'

import { rejection, thrown } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

type Shard = GenServerRef<string, unknown, string, string>

const stage = useStage()
/** Starts of each partition. */
const made = new Map<number, number>()

const shard = (partition: number): Promise<Shard> => {
  const run = (made.get(partition) ?? 0) + 1
  made.set(partition, run)
  const behavior: GenServerBehavior<string, unknown, string, string> = {
    init: () => `${partition}.${run}`,
    handleCall: (_, state) => [state, state],
    handleCast: (message, state) => {
      if (message === 'crash') throw new Error('crash')
      return message === 'done' ? GenServer.stopWith(state) : state
    },
  }
  return GenServer.start(behavior, { system: stage.system })
}
const start = (options: Partial<PartitionSupervisorOptions<Shard>> = {}): Promise<PartitionSupervisorRef<Shard>> => {
  made.clear()
  return PartitionSupervisor.start({ system: stage.system, start: shard, ...options })
}
const ask = (ref: PartitionSupervisorRef<Shard> | string, key: string | number): Promise<string> =>
  GenServer.call(PartitionSupervisor.of(ref, key, stage.system), 'who')
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await stage.turn()
}

describe('a supervisor of partitions', () => {
  it('sends a key always to the same one: integers by remainder, texts by FNV-1a [partition-route]', async () => {
    const eight = await start()
    expect(PartitionSupervisor.partitions(eight)).toBe(8)
    for (const [key, partition] of [
      [0, 0],
      [7, 7],
      [8, 0],
      [-1, 7],
      [Number.MAX_SAFE_INTEGER, 7],
      // Published vectors of FNV-1a: 811c9dc5, e40c292c, bf9cf968; and one beyond ASCII.
      ['', 0x811c9dc5 % 8],
      ['a', 0xe40c292c % 8],
      ['foobar', 0xbf9cf968 % 8],
      ['č', 0x8290273a % 8],
    ] as const) {
      expect([key, await ask(eight, key)]).toEqual([key, `${partition}.1`])
    }
    const three = await start({ partitions: 3 })
    expect(await ask(three, 'foobar')).toBe(`${0xbf9cf968 % 3}.1`)
    // Keys are spread, not piled up.
    const counts = new Map<string, number>()
    for (let key = 0; key < 3000; key++) {
      const { id } = PartitionSupervisor.of(three, `user ${key}`)
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  it('restarts one partition and leaves the others; its key then finds the new process [partition-restart]', async () => {
    const ref = await start({ partitions: 4, name: 'shards' })
    const before = PartitionSupervisor.whichChildren(ref)
    GenServer.cast(PartitionSupervisor.of(ref, 2), 'crash')
    await settle()
    const after = PartitionSupervisor.whichChildren(ref)
    expect(after.map(({ partition, restartCount }) => [partition, restartCount])).toEqual([
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 0],
    ])
    expect(after.map((info, index) => info.ref === before[index]?.ref)).toEqual([true, true, false, true])
    expect([await ask('shards', 2), await ask(ref, 6), await ask(ref, 1)]).toEqual(['2.2', '2.2', '1.1'])
    expect(stage.reported).toEqual([])
  })

  it('follows the other strategies, and gives up over its budget', async () => {
    const ref = await start({ partitions: 3, strategy: 'rest_for_one', restartIntensity: { maxRestarts: 1 } })
    GenServer.cast(PartitionSupervisor.of(ref, 1), 'crash')
    await settle()
    expect([...made.entries()]).toEqual([
      [0, 1],
      [1, 2],
      [2, 2],
    ])
    const ended = rejection(ref.terminated)
    GenServer.cast(PartitionSupervisor.of(ref, 0), 'crash')
    await settle()
    expect(await ended).toMatchObject({ code: 'KEELSON_MAX_RESTARTS' })
    expect(thrown(() => PartitionSupervisor.of(ref, 0))).toMatchObject({ code: 'KEELSON_SUPERVISOR_NOT_FOUND' })
  })

  it('can be a child, and partitions can be supervisors', async () => {
    const pool = (): Promise<SupervisorRef> =>
      Supervisor.start({
        system: stage.system,
        strategy: 'simple_one_for_one',
        childTemplate: { start: (name: string) => GenServer.start(counterOf(name), { system: stage.system }) },
      })
    const counterOf = (name: string): GenServerBehavior<string> => ({
      init: () => name,
      handleCall: (_, state) => [state, state],
      handleCast: (_, state) => state,
    })
    const top = await Supervisor.start({
      system: stage.system,
      children: [
        {
          id: 'pools',
          start: () => PartitionSupervisor.start({ system: stage.system, name: 'pools', partitions: 2, start: pool }),
        },
      ],
    })
    const of = (key: string | number): SupervisorRef =>
      PartitionSupervisor.of<SupervisorRef>('pools', key, stage.system)
    const child = await Supervisor.startChild(of(1), ['worker'])
    expect(await GenServer.call(child, 'who')).toBe('worker')
    expect([Supervisor.countChildren(of(0)), Supervisor.countChildren(of(1))]).toEqual([0, 1])
    await Supervisor.stop(top)
    expect(GenServer.isRunning(child)).toBe(false)
    expect(Registry.isRegistered('pools', stage.system)).toBe(false)
  })

  it('says which partition has no process: one that has ended, and one that has not started', async () => {
    const ref = await start({ partitions: 2, restart: 'transient' })
    GenServer.cast(PartitionSupervisor.of(ref, 1), 'done')
    await settle()
    expect(thrown(() => PartitionSupervisor.of(ref, 1))).toMatchObject({
      code: 'KEELSON_CHILD_NOT_FOUND',
      childId: '1',
    })
    expect(PartitionSupervisor.whichChildren(ref).map(({ partition }) => partition)).toEqual([0])
    expect(PartitionSupervisor.partitions(ref)).toBe(2)

    const starting = start({ name: 'slow', start: () => stage.clock.sleep(10).then(() => shard(0)), partitions: 1 })
    await stage.turn()
    expect(thrown(() => PartitionSupervisor.of('slow', 0, stage.system))).toMatchObject({
      code: 'KEELSON_CHILD_NOT_FOUND',
    })
    await stage.clock.advance(10)
    await starting
    expect(await ask('slow', 0)).toBe('0.1')
  })

  it('stops the last first, once; a partition that does not start ends it', async () => {
    const ref = await start({ partitions: 3 })
    await Promise.all([PartitionSupervisor.stop(ref), PartitionSupervisor.stop(ref)])
    expect(await ref.terminated).toBe('normal')
    const failing = (partition: number): Promise<Shard> =>
      partition === 2 ? Promise.reject(new Error('no')) : shard(partition)
    expect(await rejection(start({ start: failing }))).toMatchObject({ message: 'no' })
    expect([...made.keys()]).toEqual([0, 1])
  })

  it.each([
    ['options', 5],
    ['options.start', { start: undefined }],
    ['options.partitions', { partitions: 0 }],
    ['options.partitions', { partitions: 1.5 }],
    ['options.partitions', { partitions: 65_537 }],
    ['options.strategy', { strategy: 'simple_one_for_one' }],
    ['options.strategy', { strategy: 'none' }],
    ['options.restart', { restart: 'always' }],
    ['options.shutdownTimeout', { shutdownTimeout: -1 }],
    ['options.significant', { significant: true }],
    ['options.name', { name: '' }],
    ['options.restartIntensity.maxRestarts', { restartIntensity: { maxRestarts: -1 } }],
  ])('refuses a bad %s, and starts nothing', async (field, options) => {
    made.clear()
    const given = typeof options === 'object' ? { start: shard, system: stage.system, ...options } : options
    const error = await rejection(PartitionSupervisor.start(given as never))
    expect(error).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT' })
    expect((error as Error).message).toContain(field)
    expect(made.size).toBe(0)
  })

  it('refuses other keys, other refs and unknown names, and keeps the partitions it has', async () => {
    const ref = await start({ partitions: 2, name: 'two' })
    for (const key of [1.5, Number.NaN, 2 ** 60, undefined, {}, Symbol('x')]) {
      expect(thrown(() => PartitionSupervisor.of(ref, key as never))).toMatchObject({
        code: 'KEELSON_INVALID_ARGUMENT',
        field: 'key',
      })
    }
    const plain = await Supervisor.start({ system: stage.system, name: 'plain' })
    const server = PartitionSupervisor.of(ref, 0)
    for (const other of [plain, server, 'plain', {}]) {
      expect(thrown(() => PartitionSupervisor.of(other as never, 1, stage.system))).toMatchObject({
        code: 'KEELSON_INVALID_ARGUMENT',
        field: 'ref',
      })
    }
    expect(thrown(() => PartitionSupervisor.of('nobody', 1, stage.system))).toMatchObject({
      code: 'KEELSON_NOT_REGISTERED',
    })
    expect(await rejection(start({ name: 'two' }))).toMatchObject({ code: 'KEELSON_ALREADY_REGISTERED' })
    expect(await rejection(Supervisor.terminateChild(ref, '0'))).toMatchObject({ field: 'ref' })
    expect(await rejection(Supervisor.startChild(ref, { id: 'x', start: () => shard(9) }))).toMatchObject({
      field: 'ref',
    })
    expect(PartitionSupervisor.whichChildren(ref)).toHaveLength(2)
  })
})
