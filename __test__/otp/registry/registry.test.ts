import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  getDefaultSystem,
  Registry,
  RegistryInstance,
  type System,
} from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection, thrown } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const { turn } = stage
let system: System
let reported: [unknown, string][]

beforeEach(() => {
  ;({ system, reported } = stage)
})

const silent: GenServerBehavior<number> = {
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: (message, state) => {
    if (message === 'crash') throw new Error('crash')
    return state
  },
}
const start = (): Promise<GenServerRef<number>> => GenServer.start(silent, { system })

describe('names', () => {
  it('stand for a process until they are taken back or it has ended', async () => {
    const ref = await start()
    Registry.register('a', ref, system)
    expect(Registry.lookup('a', system)).toBe(ref)
    expect(Registry.whereis('a', system)).toBe(ref)
    expect(Registry.isRegistered('a', system)).toBe(true)
    expect([Registry.unregister('a', system), Registry.unregister('a', system)]).toEqual([true, false])
    expect(GenServer.isRunning(ref)).toBe(true)
    expect(Registry.whereis('a', system)).toBeUndefined()
    expect(thrown(() => Registry.lookup('a', system))).toMatchObject({
      code: 'KEELSON_NOT_REGISTERED',
      processName: 'a',
      message: "No process registered under name 'a'",
    })
  })

  it.each(['stop', 'crash', 'link'])(
    'are all free again after a %s, however many the process had [names-end]',
    async (how) => {
      const [ref, other] = [await start(), await start()]
      for (const name of ['one', 'two', 'three']) Registry.register(name, ref, system)
      Registry.register('other', other, system)
      const atEnd: string[][] = []
      GenServer.onLifecycleEvent(({ type, ...event }) => {
        const { ref: ended } = event as { ref: { id: string } }
        if (type === 'terminated' && ended.id === ref.id) atEnd.push(Registry.getNames(system))
      }, system)
      if (how === 'stop') await GenServer.stop(ref)
      else if (how === 'crash') GenServer.cast(ref, 'crash')
      else {
        const failing = await start()
        await GenServer.link(ref, failing)
        GenServer.cast(failing, 'crash')
      }
      for (let index = 0; index < 3; index++) await turn()
      expect(atEnd).toEqual([['other']])
      expect([Registry.getNames(system), Registry.count(system)]).toEqual([['other'], 1])
      Registry.register('one', other, system)
    },
  )

  it('are listed in order of registration', async () => {
    const ref = await start()
    for (const name of ['c', 'a', 'b']) Registry.register(name, ref, system)
    Registry.unregister('c', system)
    Registry.register('c', ref, system)
    expect(Registry.getNames(system)).toEqual(['a', 'b', 'c'])
  })

  it('refuse a second process, the same one again, one that has ended, and one that ends [names-one]', async () => {
    const [ref, other] = [await start(), await start()]
    Registry.register('a', ref, system)
    const taken = { code: 'KEELSON_ALREADY_REGISTERED', registeredName: 'a', message: "Name 'a' is already registered" }
    expect(thrown(() => Registry.register('a', other, system))).toMatchObject(taken)
    expect(thrown(() => Registry.register('a', ref, system))).toMatchObject(taken)
    await GenServer.stop(other)
    expect(thrown(() => Registry.register('b', other, system))).toMatchObject({
      code: 'KEELSON_NOT_RUNNING',
      serverId: other.id,
    })
    const slow = await GenServer.start({ ...silent, terminate: () => system.clock.sleep(10) }, { system, name: 'slow' })
    const stopped = GenServer.stop(slow)
    await turn()
    expect(thrown(() => Registry.register('b', slow, system))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(Registry.getNames(system)).toEqual(['a', 'slow'])
    await stage.clock.advance(10)
    await stopped
    expect(Registry.getNames(system)).toEqual(['a'])
  })

  it('are those that GenServer.start gives, and show in the status', async () => {
    const ref = await GenServer.start(silent, { system, name: 'first' })
    Registry.register('second', ref, system)
    expect(Registry.lookup('first', system)).toBe(ref)
    Registry.unregister('first', system)
    expect(GenServer.getStatus(ref).name).toBe('second')
    Registry.unregister('second', system)
    expect(GenServer.getStatus(ref).name).toBeUndefined()
  })

  it('belong to a system: the default one, or the one that is passed', async () => {
    const ref = await start()
    expect(thrown(() => Registry.register('a', ref))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'ref' })
    const own = await GenServer.start(silent)
    Registry.register('a', own)
    expect([Registry.lookup('a'), Registry.whereis('a', system)]).toEqual([own, undefined])
    expect(Registry.lookup('a', getDefaultSystem())).toBe(own)
    await GenServer.stop(own)
    expect(Registry.count()).toBe(0)
  })

  it('end with their system', async () => {
    const ref = await start()
    Registry.register('a', ref, system)
    await system.close()
    expect(Registry.getNames(system)).toEqual([])
    expect(thrown(() => Registry.register('b', ref, system))).toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(await rejection(start())).toMatchObject({ code: 'KEELSON_CLOSED' })
  })

  it.each([
    ['name', (ref: GenServerRef) => Registry.register('', ref, system)],
    ['name', () => Registry.lookup(5 as never)],
    ['ref', () => Registry.register('a', { id: 'genserver_1' })],
    ['options.system', () => Registry.getNames({} as never)],
    ['options.keys', () => Registry.create({ keys: 'many' as never })],
    ['options.name', () => Registry.create({ name: '' })],
    ['options.key', () => Registry.create({ key: 'unique' } as never)],
  ])('refuse a bad %s', async (field, attempt) => {
    const ref = await start()
    expect(thrown(() => attempt(ref))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})

describe('a registry of unique keys', () => {
  it('keeps a process, metadata and the time under a key', async () => {
    const registry = Registry.create<{ room: string }>({ system, name: 'users' })
    const ref = await start()
    stage.clock.advanceBy(70)
    registry.register('ann', ref, { room: 'lobby' })
    const entry = { ref, metadata: { room: 'lobby' }, registeredAt: 70 }
    expect(registry.lookup('ann')).toEqual(entry)
    expect(registry.whereis('ann')).toEqual(entry)
    expect(registry.lookupAll('ann')).toEqual([entry])
    expect(registry.getMetadata('ann')).toEqual({ room: 'lobby' })
    expect(registry.getMetadata('bob')).toBeUndefined()
    expect([registry.name, registry.keyMode]).toEqual(['users', 'unique'])
    expect([registry.isRegistered('ann'), registry.isRegistered('bob')]).toEqual([true, false])
    expect([registry.count(), registry.countForKey('ann'), registry.countForKey('bob')]).toEqual([1, 1, 0])
    expect([registry.getKeyByRefId(ref.id), registry.getKeyByRefId('nobody')]).toEqual(['ann', undefined])
    expect([registry.whereis('bob'), registry.lookupAll('bob')]).toEqual([undefined, []])
  })

  it('says by name what it refuses', async () => {
    const registry = Registry.create({ system, name: 'r' })
    const [ref, other] = [await start(), await start()]
    registry.register('k', ref)
    expect(thrown(() => registry.register('k', other))).toMatchObject({
      code: 'KEELSON_KEY_TAKEN',
      registryName: 'r',
      key: 'k',
      message: "Key 'k' is already registered in registry 'r'.",
    })
    expect(thrown(() => registry.lookup('x'))).toMatchObject({
      code: 'KEELSON_KEY_NOT_FOUND',
      message: "Key 'x' is not registered in registry 'r'.",
    })
    expect(thrown(() => registry.dispatch('k', 1))).toMatchObject({
      code: 'KEELSON_UNIQUE_KEYS',
      message: "dispatch() is not supported on unique-key registry 'r'. Use a duplicate-key registry instead.",
    })
    await GenServer.stop(other)
    expect(thrown(() => registry.register('y', other))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(thrown(() => registry.register('', ref))).toMatchObject({ field: 'key' })
    const foreign = createTestSystem()
    const stranger = await GenServer.start(silent, { system: foreign })
    expect(thrown(() => registry.register('z', stranger))).toMatchObject({ field: 'ref' })
    await foreign.close()
    expect(registry.getKeys()).toEqual(['k'])
  })

  it('replaces metadata by what a function makes of it, or not at all', async () => {
    const registry = Registry.create<number>({ system })
    const ref = await start()
    registry.register('n', ref, 1)
    const before = registry.lookup('n')
    expect(registry.updateMetadata('n', (count) => count + 1)).toBe(true)
    expect([registry.getMetadata('n'), before.metadata]).toEqual([2, 1])
    expect(registry.updateMetadata('none', () => 5)).toBe(false)
    const fails = (): number => {
      throw new Error('no')
    }
    expect(() => registry.updateMetadata('n', fails)).toThrow('no')
    expect(registry.getMetadata('n')).toBe(2)
    const meddling = (): number => {
      registry.unregister('n')
      return 9
    }
    expect(registry.updateMetadata('n', meddling)).toBe(false)
    expect(registry.isRegistered('n')).toBe(false)
  })

  it('finds registrations by test and by glob, in order', async () => {
    const registry = Registry.create<number>({ system })
    const ref = await start()
    const keys = ['room/a', 'room/b', 'room/a/x', 'hall/a', 'room/', 'ro?m']
    for (const [index, key] of keys.entries()) registry.register(key, ref, index)
    const match = (pattern: string, test?: (value: number) => boolean): string[] =>
      registry.match(pattern, test && (({ metadata }) => test(metadata))).map(({ key }) => key)
    expect(match('room/*')).toEqual(['room/a', 'room/b', 'room/'])
    expect(match('room/**')).toEqual(['room/a', 'room/b', 'room/a/x', 'room/'])
    expect(match('**a')).toEqual(['room/a', 'hall/a'])
    expect(match('room/?')).toEqual(['room/a', 'room/b'])
    expect(match('*/a', (value) => value > 0)).toEqual(['hall/a'])
    expect(match('room')).toEqual([])
    expect(match('**')).toEqual(keys)
    expect(match('r[a-z]+m/.')).toEqual([])
    const odd = registry.select((_, { metadata }) => metadata % 2 === 1)
    expect(odd[0]).toEqual({ key: 'room/b', ref, metadata: 1 })
    expect(odd.map(({ key }) => key)).toEqual(['room/b', 'hall/a', 'ro?m'])
  })

  it('passes the whole entry to the test of a glob', async () => {
    const registry = Registry.create<number>({ system })
    const ref = await start()
    registry.register('a', ref, 5)
    const seen: unknown[] = []
    expect(registry.match('*', (entry) => seen.push(entry) > 5)).toEqual([])
    expect(seen).toEqual([{ ref, metadata: 5, registeredAt: 0 }])
  })

  it('can be made by its class too, with the same options', async () => {
    const registry = new RegistryInstance<number>({ name: 'rooms', keys: 'duplicate', system })
    await registry.start()
    const ref = await start()
    registry.register('a', ref, 1)
    registry.register('a', await start(), 2)
    expect([registry.name, registry.keyMode, registry.countForKey('a')]).toEqual(['rooms', 'duplicate', 2])
    const [one, other] = [new RegistryInstance({ system }), Registry.create({ system })]
    expect([one.keyMode, one.name === other.name]).toEqual(['unique', false])
    await registry.close()
    expect(registry.count()).toBe(0)
    expect(thrown(() => new RegistryInstance({ keys: 'some' as never }))).toMatchObject({ field: 'options.keys' })
    expect(thrown(() => new RegistryInstance({ nmae: 'a' } as never))).toMatchObject({ field: 'options.nmae' })
  })

  it('matches a hostile glob in no time', async () => {
    const registry = Registry.create({ system })
    registry.register('a'.repeat(3000), await start())
    expect(registry.match(`${'*a'.repeat(200)}b`)).toEqual([])
  })

  it('can be where GenServer.start registers', async () => {
    const registry = Registry.create<string>({ system, name: 'r' })
    const terminate = vi.fn()
    const ref = await GenServer.start(silent, { system, name: 'k', registry, metadata: 'm' })
    expect(registry.lookup('k')).toMatchObject({ ref, metadata: 'm' })
    expect([GenServer.getStatus(ref).name, Registry.count(system)]).toEqual(['k', 0])
    const again = GenServer.start({ ...silent, terminate }, { system, name: 'k', registry })
    expect(await rejection(again)).toMatchObject({ code: 'KEELSON_KEY_TAKEN' })
    expect(terminate).not.toHaveBeenCalled()
    await GenServer.stop(ref)
    expect(registry.count()).toBe(0)
  })

  it.each([
    ['options.name', (registry: RegistryInstance) => ({ registry })],
    ['options.registry', () => ({ name: 'k', metadata: 1 })],
    ['options.registry', () => ({ name: 'k', registry: Registry as never })],
    ['options.registry', (registry: RegistryInstance) => ({ name: 'k', registry, system: getDefaultSystem() })],
  ])('refuses a bad %s of GenServer.start', async (field, make) => {
    const registry = Registry.create({ system })
    expect(await rejection(GenServer.start(silent, { system, ...make(registry) }))).toMatchObject({ field })
  })
})

describe('a registry of duplicate keys', () => {
  const listening = (seen: unknown[], name: string): GenServerBehavior<number> => ({
    ...silent,
    handleCast: (message, state) => {
      seen.push([name, message])
      return state
    },
  })

  it('dispatches to all who have a key, in order, and says how many took it', async () => {
    const registry = Registry.create<string>({ system, name: 'r', keys: 'duplicate' })
    const seen: unknown[] = []
    const refs = []
    for (const name of ['a', 'b', 'c']) {
      const ref = await GenServer.start(listening(seen, name), { system })
      registry.register('topic', ref, name)
      refs.push(ref)
    }
    expect(registry.dispatch('topic', 'hello')).toBe(3)
    await turn()
    expect(seen).toEqual([
      ['a', 'hello'],
      ['b', 'hello'],
      ['c', 'hello'],
    ])
    await GenServer.stop(refs[1] as GenServerRef)
    expect(registry.dispatch('topic', 'again')).toBe(2)
    expect(registry.dispatch('nobody', 'x')).toBe(0)
    const deliver = vi.fn()
    expect(registry.dispatch('topic', 'x', deliver)).toBe(2)
    expect(deliver).toHaveBeenCalledExactlyOnceWith(registry.lookupAll('topic'), 'x')
    expect(registry.dispatch('nobody', 'x', deliver)).toBe(0)
    expect(deliver).toHaveBeenCalledOnce()
  })

  it('counts neither a full mailbox nor a process that ends; what delivery throws has an owner', async () => {
    const registry = Registry.create({ system, keys: 'duplicate' })
    const full = await GenServer.start(silent, { system, maxMailbox: 1 })
    const ending = await GenServer.start({ ...silent, terminate: () => system.clock.sleep(10) }, { system })
    for (const ref of [full, ending]) registry.register('k', ref)
    GenServer.cast(full, 1)
    void GenServer.stop(ending)
    await turn()
    GenServer.cast(full, 1)
    expect(registry.dispatch('k', 1)).toBe(0)
    const fails = (): never => {
      throw new Error('no')
    }
    expect(() => registry.dispatch('k', 1, fails)).toThrow('no')
    registry.dispatch('k', 1, () => Promise.reject(new Error('later')))
    await turn()
    expect(reported).toEqual([[expect.objectContaining({ message: 'later' }), expect.stringContaining("'k'")]])
    await stage.clock.advance(10)
  })

  it('keeps the registrations of a key apart', async () => {
    const registry = Registry.create<number>({ system, name: 'r', keys: 'duplicate' })
    const [one, other] = [await start(), await start()]
    registry.register('k', one, 1)
    registry.register('k', other, 2)
    registry.register('j', other, 3)
    expect(thrown(() => registry.register('k', one, 5))).toMatchObject({
      code: 'KEELSON_DUPLICATE_REGISTRATION',
      refId: one.id,
      message: `Ref '${one.id}' is already registered under key 'k' in registry 'r'.`,
    })
    for (const method of ['lookup', 'whereis', 'getMetadata'] as const) {
      expect(thrown(() => registry[method]('k'))).toMatchObject({
        code: 'KEELSON_DUPLICATE_KEYS',
        message: expect.stringContaining(`Cannot use ${method}() on duplicate-key registry 'r' for key 'k'.`),
      })
    }
    expect(thrown(() => registry.lookup('k'))).toHaveProperty(
      'message',
      "Cannot use lookup() on duplicate-key registry 'r' for key 'k'. Use lookupAll() instead.",
    )
    expect(registry.updateMetadata('k', (value) => value * 10, other)).toBe(true)
    expect([registry.getMetadata('k', one), registry.getMetadata('k', other)]).toEqual([1, 20])
    expect([registry.count(), registry.countForKey('k'), registry.getKeys()]).toEqual([3, 2, ['k', 'j']])
    expect(registry.getKeyByRefId(other.id)).toBe('k')
    expect([registry.unregisterMatch('k', other), registry.unregisterMatch('k', other)]).toEqual([true, false])
    expect(registry.getKeyByRefId(other.id)).toBe('j')
    expect(registry.unregister('k')).toBe(true)
    expect(registry.unregister('k')).toBe(false)
    expect(registry.match('*')).toEqual([{ key: 'j', ref: other, metadata: 3 }])
  })
})

describe('a registry closes', () => {
  it('by itself, and opens again empty', async () => {
    const registry = Registry.create({ system, name: 'r' })
    const ref = await start()
    await registry.start()
    registry.register('k', ref)
    await registry.close()
    await registry.close()
    expect([registry.count(), registry.whereis('k'), registry.unregister('k')]).toEqual([0, undefined, false])
    expect(thrown(() => registry.register('k', ref))).toMatchObject({
      code: 'KEELSON_CLOSED',
      message: 'the registry r is closed',
    })
    await registry.start()
    registry.register('k', ref)
    expect(registry.count()).toBe(1)
  })

  it('with its system, and then for good', async () => {
    const registry = Registry.create({ system })
    registry.register('k', await start())
    await system.close()
    expect(registry.count()).toBe(0)
    expect(await rejection(registry.start())).toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(thrown(() => Registry.create({ system }))).toMatchObject({ code: 'KEELSON_CLOSED' })
  })
})

it('gives registries without a name one, counted by the system', () => {
  expect([Registry.create({ system }).name, Registry.create({ system }).name]).toEqual(['registry_1', 'registry_2'])
})

it('ends a process among many in a time of its own', async () => {
  const registry = Registry.create({ system, keys: 'duplicate' })
  const refs = await Promise.all(Array.from({ length: 5000 }, start))
  for (const [index, ref] of refs.entries()) {
    registry.register('all', ref)
    registry.register(`own ${index}`, ref)
  }
  await Promise.all(refs.map((ref) => GenServer.stop(ref)))
  expect([registry.count(), registry.getKeys()]).toEqual([0, []])
})

it('leaves nothing on a process that outlives it', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const ref = await start()
  const watch = async (): Promise<WeakRef<object>> => {
    const registry = Registry.create({ system })
    registry.register('a', ref)
    registry.register('b', ref)
    registry.unregister('b')
    await registry.close()
    return new WeakRef(registry)
  }
  const closed = await watch()
  const message = await (async () => {
    const sent = { text: 'cancelled' }
    GenServer.cancelTimer(GenServer.sendAfter(ref, sent, 10))
    return new WeakRef(sent)
  })()
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  expect([closed.deref(), message.deref()]).toEqual([undefined, undefined])
  expect(GenServer.isRunning(ref)).toBe(true)
})
