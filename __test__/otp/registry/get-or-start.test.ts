import { GenServer, type GenServerBehavior, type GenServerRef, Registry } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { deferred } from '../../support/promises.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const behavior: GenServerBehavior<number, 'get', 'add', number> = {
  init: () => 0,
  handleCall: (_, count) => [count, count],
  handleCast: (_, count) => count + 1,
}
const start = (name?: string, more: object = {}): Promise<GenServerRef<number, 'get', 'add', number>> =>
  GenServer.start({ ...behavior, ...more }, { system: stage.system, ...(name !== undefined && { name }) })
const get = (name: string, make: (name: string) => unknown): Promise<GenServerRef<number>> =>
  Registry.getOrStart(name, make as never, stage.system)

describe('Registry.getOrStart [get-or-start]', () => {
  it('gives one process to all who ask at once, and to those who ask later', async () => {
    let starts = 0
    const make = async (name: string): Promise<GenServerRef> => {
      starts++
      await stage.turn()
      return start(name)
    }
    const refs = await Promise.all(Array.from({ length: 100 }, () => get('one', make)))
    refs.push(await get('one', make))
    expect([new Set(refs).size, starts, Registry.lookup('one', stage.system)]).toEqual([1, 1, refs[0]])
  })

  it('registers the process where the function has not', async () => {
    const ref = await get('one', () => start())
    expect([Registry.lookup('one', stage.system), GenServer.getStatus(ref).name]).toEqual([ref, 'one'])
    const named = await get('two', () => start('another'))
    expect([Registry.lookup('two', stage.system), Registry.lookup('another', stage.system)]).toEqual([named, named])
  })

  it('keeps names apart', async () => {
    const [one, two] = await Promise.all([get('one', start), get('two', start)])
    expect(one).not.toBe(two)
  })

  it('fails for all who wait with the same error, and the next call tries again', async () => {
    let tries = 0
    const make = async (name: string): Promise<GenServerRef> => {
      if (++tries === 1) throw new Error('not yet')
      return start(name)
    }
    const failed = await Promise.all([1, 2, 3].map(() => rejection(get('one', make))))
    expect(failed.map(({ message }) => message)).toEqual(['not yet', 'not yet', 'not yet'])
    expect(new Set(failed).size).toBe(1)
    expect(GenServer.isRunning(await get('one', make))).toBe(true)
    expect(tries).toBe(2)
  })

  it('fails with what a function throws that is not asynchronous, and with what is no process', async () => {
    const broken = (): never => {
      throw new Error('at once')
    }
    expect((await rejection(get('one', broken))).message).toBe('at once')
    expect(await rejection(get('one', () => undefined))).toMatchObject({ field: 'start()' })
    expect(await rejection(get('one', () => ({ id: 'genserver_1' })))).toMatchObject({ field: 'start()' })
    expect(Registry.isRegistered('one', stage.system)).toBe(false)
  })

  it('waits for a process that ends, and starts one anew', async () => {
    const gate = deferred<void>()
    const first = await start('one', { terminate: () => gate.promise })
    const stopped = GenServer.stop(first)
    await stage.turn()
    const asked = [get('one', start), get('one', start)]
    await stage.turn()
    expect(Registry.lookup('one', stage.system)).toBe(first)
    gate.resolve()
    const [second, third] = await Promise.all(asked)
    await stopped
    expect([second === first, second === third, GenServer.isRunning(second as GenServerRef)]).toEqual([
      false,
      true,
      true,
    ])
  })

  it('waits for a process that somebody else starts under the name', async () => {
    const gate = deferred<number>()
    const other = start('one', { init: () => gate.promise })
    const asked = get('one', () => rejection(Promise.reject(new Error('not needed'))))
    await stage.turn()
    gate.resolve(5)
    expect(await asked).toBe(await other)
  })

  it('starts one itself when that other start fails', async () => {
    const gate = deferred<number>()
    const other = rejection(start('one', { init: () => gate.promise }))
    const asked = get('one', start)
    gate.reject(new Error('no'))
    expect(GenServer.isRunning(await asked)).toBe(true)
    await other
  })

  it('gives the process that took the name while the function ran, and ends its own', async () => {
    const gate = deferred<void>()
    let own: GenServerRef | undefined
    const asked = get('one', async () => {
      own = await start()
      await gate.promise
      return own
    })
    await stage.turn()
    const other = await start('one')
    gate.resolve()
    expect(await asked).toBe(other)
    await expect.poll(() => GenServer.isRunning(own as GenServerRef)).toBe(false)
    const second = await get('two', async (name) => {
      await start(name)
      return start(name)
    })
    expect(second).toBe(Registry.lookup('two', stage.system))
  })

  it('fails when the process has ended before the function resolved', async () => {
    const asked = get('one', async () => {
      const ref = await start()
      await GenServer.stop(ref)
      return ref
    })
    expect(await rejection(asked)).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  })

  it('is no part of the handler that asks: a start may call the process that asked', async () => {
    const ref = await start()
    const asking = await GenServer.start(
      {
        init: () => 0,
        handleCall: async (message: 'go' | 'get', n: number) => {
          if (message === 'get') return [n, n] as never
          const made = await Registry.getOrStart('one', start, stage.system)
          return [await GenServer.call(made, 'get'), n] as never
        },
      },
      { system: stage.system },
    )
    expect(await GenServer.call(asking, 'go')).toBe(0)
    expect(await GenServer.call(ref, 'get')).toBe(0)
  })

  it('refuses an empty name, what is no function, and a closed system', async () => {
    expect(await rejection(get('', start))).toMatchObject({ field: 'name' })
    expect(await rejection(get('one', 5 as never))).toMatchObject({ field: 'start' })
    expect(await rejection(Registry.getOrStart('one', start, undefined))).toMatchObject({ field: 'options.system' })
    await stage.system.close()
    expect(await rejection(get('one', start))).toMatchObject({ code: 'KEELSON_CLOSED' })
  })
})
