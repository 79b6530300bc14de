/** `TimerService.start({ adapter })`: timers in a storage of the user's. */
import { GenServer, TimerService, type TimerAdapter } from 'keelson/otp'
import { createProbe } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()

/** A storage in memory, as plain text. */
function memory(): TimerAdapter & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>()
  return {
    kept,
    save: async (key, record) => void kept.set(key, JSON.stringify(record)),
    load: async (key) => {
      const text = kept.get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    delete: async (key) => kept.delete(key),
    listKeys: async (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)),
  }
}
const start = (options: object) => TimerService.start({ system: stage.system, ...options })
const probeOf = async (name: string) => {
  const probe = createProbe({ system: stage.system })
  const { Registry } = await import('keelson/otp')
  Registry.register(name, probe.ref, stage.system)
  return probe
}

describe('a timer service with an adapter', () => {
  it('keeps timers there until they have fired, and takes them over with the next start', async () => {
    const adapter = memory()
    const first = await start({ adapter })
    const probe = await probeOf('target')
    await TimerService.schedule(first, 'target', 'soon', 10)
    const id = await TimerService.schedule(first, 'target', { later: true }, 1000)
    expect([...adapter.kept.keys()]).toHaveLength(2)
    await stage.clock.advance(10)
    await probe.expectMessage('soon')
    expect([...adapter.kept.keys()]).toEqual([`durable_timer:${id}`])
    expect(JSON.parse(adapter.kept.get(`durable_timer:${id}`) as string)).toMatchObject({
      state: { id, target: 'target', message: { later: true }, fireAt: 1000 },
      metadata: { persistedAt: 0, schemaVersion: 1 },
    })
    await TimerService.stop(first)
    const second = await start({ adapter })
    expect((await TimerService.getAll(second)).map((timer) => timer.id)).toEqual([id])
    await stage.clock.advance(990)
    await probe.expectMessage({ later: true })
    expect(adapter.kept.size).toBe(0)
  })

  it('stores a repeated timer anew each time, and removes one that is cancelled', async () => {
    const adapter = memory()
    const timers = await start({ adapter })
    await probeOf('target')
    const id = await TimerService.schedule(timers, 'target', 'tick', 10, { repeat: 10 })
    await stage.clock.advance(35)
    expect(JSON.parse(adapter.kept.get(`durable_timer:${id}`) as string).state.fireAt).toBe(40)
    expect(await TimerService.cancel(timers, id)).toBe(true)
    expect(adapter.kept.size).toBe(0)
  })

  it('rejects what cannot be stored, and reports failures that have no caller', async () => {
    const adapter = memory()
    const broken = {
      ...adapter,
      save: () => Promise.reject(new Error('full')),
      delete: () => Promise.reject(new Error('gone')),
    }
    const timers = await start({ adapter: broken })
    expect((await rejection(TimerService.schedule(timers, 'target', 1, 10))).message).toBe('full')
    expect(await TimerService.getAll(timers)).toEqual([])
    await probeOf('target')
    const good = await start({ adapter: { ...broken, save: adapter.save } })
    await TimerService.schedule(good, 'target', 1, 10)
    await stage.clock.advance(10)
    expect(stage.reported).toMatchObject([[{ message: 'gone' }, expect.stringContaining('the timer service')]])
  })

  it('makes up for periods that were missed with one message, and keeps the cadence', async () => {
    const adapter = memory()
    const first = await start({ adapter })
    const id = await TimerService.schedule(first, 'target', 'tick', 100, { repeat: 10 })
    await TimerService.stop(first)
    await stage.clock.advance(155)
    const probe = await probeOf('target')
    const second = await start({ adapter })
    await stage.clock.advance(0)
    await probe.expectMessage('tick')
    expect((await TimerService.get(second, id))?.fireAt).toBe(160)
    await stage.clock.advance(4)
    await probe.expectNone(0)
    await stage.clock.advance(1)
    await probe.expectMessage('tick')
    expect(stage.clock.monoMs()).toBe(160)
  })

  it('has the timer that is stored when several that replace it are refused', async () => {
    const adapter = memory()
    let isFull = false
    const save: TimerAdapter['save'] = (key, record) =>
      isFull ? Promise.reject(new Error('full')) : adapter.save(key, record)
    const timers = await start({ adapter: { ...adapter, save } })
    const probe = await probeOf('target')
    await TimerService.schedule(timers, 'target', 'stored', 10, { id: 'a' })
    isFull = true
    const refused = ['b', 'c'].map((message) => TimerService.schedule(timers, 'target', message, 5, { id: 'a' }))
    expect((await Promise.allSettled(refused)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await stage.clock.advance(10)
    await probe.expectMessage('stored')
    await probe.expectNone(0)
  })

  it('reports what is stored and is no timer, and goes on', async () => {
    const adapter = memory()
    adapter.kept.set('durable_timer:x', JSON.stringify({ state: { id: 'x', target: 5, fireAt: 1 }, metadata: {} }))
    adapter.kept.set('other', '{}')
    const timers = await start({ adapter })
    expect(await TimerService.getAll(timers)).toEqual([])
    expect(stage.reported).toMatchObject([
      [{ message: "what is stored under 'durable_timer:x' is no timer" }, 'a timer service'],
    ])
  })

  it('needs a name as the target, and is refused with a path or without its functions', async () => {
    const timers = await start({ adapter: memory() })
    const ref = await GenServer.start({ init: () => 0 }, { system: stage.system })
    expect(await rejection(TimerService.schedule(timers, ref, 1, 10))).toMatchObject({ field: 'target' })
    expect(await rejection(start({ adapter: memory(), path: './x' }))).toMatchObject({ field: 'options.path' })
    expect(await rejection(start({ adapter: {} }))).toMatchObject({ field: 'options.adapter.save' })
    expect(await rejection(start({ adapter: 5 }))).toMatchObject({ field: 'options.adapter' })
    expect(await rejection(start({ checkIntervalMs: -1 }))).toMatchObject({ field: 'options.checkIntervalMs' })
  })

  it('says once that checkIntervalMs has no effect', async () => {
    const warned: Error[] = []
    const listener = (warning: Error): void => void warned.push(warning)
    process.on('warning', listener)
    for (const checkIntervalMs of [500, 1000]) await start({ checkIntervalMs })
    await stage.turn()
    process.off('warning', listener)
    expect(warned).toMatchObject([{ code: 'KEELSON_NO_EFFECT', message: expect.stringContaining('checkIntervalMs') }])
  })
})
