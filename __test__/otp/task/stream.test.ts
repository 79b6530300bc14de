import { AsyncLocalStorage } from 'node:async_hooks'
import * as fc from 'fast-check'
import { GenServer, type System, Task } from 'keelson'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const { turn } = stage
let system: System
let reported: [unknown, string][]
/** Ids of tasks that have not ended. */
let alive: Set<string>

beforeEach(() => {
  alive = new Set()
  ;({ system, reported } = stage)
  GenServer.onLifecycleEvent(({ type, ref }) => {
    if (type === 'started') alive.add(ref.id)
    else if (type === 'terminated') alive.delete(ref.id)
  }, system)
})
afterEach(async () => {
  await turn()
  expect([alive.size, system.clock.getPendingTimerCount()]).toEqual([0, 0])
})

const sleep = (ms: number, signal?: AbortSignal): Promise<void> => system.clock.sleep(ms, { signal })
const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of source) all.push(item)
  return all
}
/** Waits as long as the item says, and gives it back. */
const wait = async (ms: number, signal: AbortSignal): Promise<number> => {
  await sleep(ms, signal)
  return ms
}
/** A source that says what was taken from it, and whether it was closed. */
const watched = (
  items: readonly number[],
): { source: IterableIterator<number>; taken: number[]; closed: () => boolean } => {
  const taken: number[] = []
  let isClosed = false
  function* generate(): Generator<number, void> {
    try {
      for (const item of items) {
        taken.push(item)
        yield item
      }
    } finally {
      isClosed = true
    }
  }
  return { source: generate(), taken, closed: () => isClosed }
}

describe('a stream of tasks', () => {
  it('gives results in the order of the items, several at a time', async () => {
    let [now, most] = [0, 0]
    const stream = Task.asyncStream(
      [30, 10, 20, 10, 5],
      async (ms, signal, index) => {
        most = Math.max(most, ++now)
        await sleep(ms, signal)
        now--
        return `${index}: ${ms}`
      },
      { system, maxConcurrency: 2 },
    )
    const all = collect(stream)
    await stage.clock.advance(100)
    expect(await all).toEqual(['0: 30', '1: 10', '2: 20', '3: 10', '4: 5'])
    expect(most).toBe(2)
  })

  it('gives them as they come', async () => {
    const all = collect(Task.asyncStream([30, 10, 20], wait, { system, ordered: false }))
    await stage.clock.advance(30)
    expect(await all).toEqual([10, 20, 30])
  })

  it('begins nothing before it is asked, and takes no more items than there is room for results', async () => {
    const { source, taken, closed } = watched([1, 2, 3, 4, 5, 6, 7])
    const stream = Task.asyncStream(source, (item) => item * 10, { system, maxConcurrency: 3 })
    await turn()
    expect(taken).toEqual([])
    expect(await stream.next()).toEqual({ done: false, value: 10 })
    await turn()
    await turn()
    expect(taken).toEqual([1, 2, 3, 4])
    expect(await stream.next()).toEqual({ done: false, value: 20 })
    expect(await stream.next()).toEqual({ done: false, value: 30 })
    await turn()
    expect(taken).toEqual([1, 2, 3, 4, 5, 6])
    expect(await collect(stream)).toEqual([40, 50, 60, 70])
    expect([closed(), await stream.next()]).toEqual([true, { done: true, value: undefined }])
  })

  it('takes from an asynchronous source one item after the other', async () => {
    let [now, most] = [0, 0]
    const source = {
      [Symbol.asyncIterator]: () => {
        let item = 0
        return {
          next: async () => {
            most = Math.max(most, ++now)
            await sleep(1)
            now--
            return { done: item >= 5, value: item++ }
          },
        }
      },
    }
    const all = collect(Task.asyncStream(source, (item) => item, { system }))
    await stage.clock.advance(10)
    expect([await all, most]).toEqual([[0, 1, 2, 3, 4], 1])
  })

  it('answers several that ask at once, in order', async () => {
    const stream = Task.asyncStream([3, 2, 1], wait, { system, maxConcurrency: 1 })
    const asked = Promise.all([1, 2, 3, 4].map(() => stream.next()))
    await stage.clock.advance(10)
    expect((await asked).map(({ value }) => value)).toEqual([3, 2, 1, undefined])
  })

  it('keeps the context of where it was made', async () => {
    const storage = new AsyncLocalStorage<string>()
    const stream = storage.run('mine', () => Task.asyncStream([1, 2, 3], () => storage.getStore(), { system }))
    expect(await collect(stream)).toEqual(['mine', 'mine', 'mine'])
  })
})

describe('a stream of tasks ends early', () => {
  it('with break: what runs is cancelled, and the source closed', async () => {
    const { source, taken, closed } = watched([1, 50, 50, 50, 50])
    const aborted: unknown[] = []
    const loop = (async () => {
      const work = async (ms: number, signal: AbortSignal): Promise<number> => {
        signal.addEventListener('abort', () => aborted.push(ms))
        return wait(ms, signal)
      }
      for await (const item of Task.asyncStream(source, work, { system, maxConcurrency: 3 })) {
        expect(item).toBe(1)
        break
      }
    })()
    await stage.clock.advance(1)
    await loop
    expect([taken, closed(), aborted]).toEqual([[1, 50, 50, 50], true, [50, 50, 50]])
    expect(reported).toEqual([])
  })

  it('with return() while a result is awaited, at once', async () => {
    const stream = Task.asyncStream([1000], wait, { system })
    const next = stream.next()
    await turn()
    expect(await stream.return?.()).toEqual({ done: true, value: undefined })
    expect([await next, await stream.next()]).toMatchObject([{ done: true }, { done: true }])
  })

  it('with return() before anything began', async () => {
    const { source, taken } = watched([1])
    const stream = Task.asyncStream(source, wait, { system })
    await stream.return?.()
    expect([taken, await stream.next()]).toEqual([[], { done: true, value: undefined }])
  })

  it('at the first failure, in its place', async () => {
    const { source, closed } = watched([20, 5, 50, 50])
    const seen: number[] = []
    const work = async (ms: number, signal: AbortSignal): Promise<number> => {
      await sleep(ms, signal)
      if (ms === 5) throw new Error('five')
      return ms
    }
    const loop = (async () => {
      for await (const item of Task.asyncStream(source, work, { system, maxConcurrency: 3 })) seen.push(item)
    })()
    const error = rejection(loop)
    await stage.clock.advance(20)
    expect(await error).toMatchObject({ message: 'five' })
    expect([seen, closed(), reported]).toEqual([[20], true, []])
  })

  it('and a failure whose result nobody took has an owner', async () => {
    const work = async (ms: number, signal: AbortSignal): Promise<number> => {
      await sleep(ms, signal)
      if (ms !== 3) throw new Error(`no ${ms}`)
      return ms
    }
    const stream = Task.asyncStream([3, 2, 1], work, { system })
    const first = stream.next()
    await stage.clock.advance(3)
    expect(await first).toMatchObject({ value: 3 })
    expect(await rejection(stream.next())).toMatchObject({ message: 'no 2' })
    expect(reported).toMatchObject([[{ message: 'no 1' }, expect.stringContaining('not taken')]])
  })

  it('when its signal aborts, with the reason once', async () => {
    const controller = new AbortController()
    const remove = vi.spyOn(controller.signal, 'removeEventListener')
    const stream = Task.asyncStream([1000, 1000], wait, { system, signal: controller.signal })
    const next = rejection(stream.next())
    await turn()
    controller.abort('enough')
    expect([await next, await stream.next()]).toEqual(['enough', { done: true, value: undefined }])
    expect(remove).toHaveBeenCalled()
    const late = Task.asyncStream([1], wait, { system, signal: controller.signal })
    expect(await rejection(late.next())).toBe('enough')
  })

  it('when an item takes too long', async () => {
    const all = rejection(collect(Task.asyncStream([5, 500], wait, { system, timeout: 100 })))
    await stage.clock.advance(105)
    expect(await all).toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 100 })
  })

  it('when its source fails, after the results of what was begun', async () => {
    const broken = {
      *[Symbol.iterator](): Generator<number, void> {
        yield 20
        yield 10
        throw new Error('source')
      },
    }
    for (const ordered of [true, false]) {
      const stream = Task.asyncStream(broken, wait, { system, ordered })
      const asked = Promise.all([stream.next(), stream.next(), rejection(stream.next()), stream.next()])
      await stage.clock.advance(20)
      expect(await asked).toMatchObject([
        { value: ordered ? 20 : 10 },
        { value: ordered ? 10 : 20 },
        { message: 'source' },
        { done: true },
      ])
    }
  })

  it('though its source waits for an item; what that does later has an owner', async () => {
    const source = (async function* () {
      yield 1
      await sleep(50)
      throw new Error('late')
    })()
    const stream = Task.asyncStream(source, wait, { system })
    const first = stream.next()
    await stage.clock.advance(1)
    expect(await first).toMatchObject({ value: 1 })
    await stream.return?.()
    await stage.clock.advance(50)
    await turn()
    expect(reported).toMatchObject([[{ message: 'late' }, expect.stringContaining('source')]])
  })

  it('when the process it is linked to has ended', async () => {
    const parent = await GenServer.start({ init: () => 0, handleCall: () => [0, 0], handleCast: () => 0 }, { system })
    const stream = Task.asyncStream([1, 2], wait, { system, link: parent })
    await GenServer.stop(parent)
    expect(await rejection(stream.next())).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(await stream.next()).toMatchObject({ done: true })
  })
})

it('takes failures as results like others, if that is asked for', async () => {
  const error = new Error('odd')
  const work = (item: number): number => {
    if (item % 2 === 1) throw error
    return item
  }
  expect(await collect(Task.asyncStreamSettled([1, 2, 3], work, { system }))).toEqual([
    { status: 'rejected', reason: error },
    { status: 'fulfilled', value: 2 },
    { status: 'rejected', reason: error },
  ])
  expect(reported).toEqual([])
})

it('gives each result once, never has more under way than it may, and leaves nothing, whatever the times', async () => {
  const times = fc.array(fc.nat(20), { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(
      times,
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      fc.option(fc.nat(30)),
      async (items, maxConcurrency, ordered, stopAfter) => {
        let [now, most] = [0, 0]
        const { source, taken, closed } = watched(items)
        const work = async (ms: number, signal: AbortSignal, index: number): Promise<number> => {
          most = Math.max(most, ++now)
          try {
            await sleep(ms, signal)
          } finally {
            now--
          }
          return index
        }
        const seen: number[] = []
        const loop = (async () => {
          for await (const index of Task.asyncStream(source, work, { system, maxConcurrency, ordered })) {
            seen.push(index)
            expect(taken.length - seen.length).toBeLessThanOrEqual(maxConcurrency)
            if (seen.length === stopAfter) break
          }
        })()
        await stage.clock.advance(700)
        await loop
        const isStopped = stopAfter !== null && stopAfter > 0 && stopAfter <= items.length
        expect(seen).toHaveLength(isStopped ? stopAfter : items.length)
        expect(new Set(seen).size).toBe(seen.length)
        if (ordered) expect(seen).toEqual(items.map((_, index) => index).slice(0, seen.length))
        expect(most).toBeLessThanOrEqual(maxConcurrency)
        await turn()
        expect([now, alive.size, system.clock.getPendingTimerCount(), closed()]).toEqual([0, 0, 0, true])
      },
    ),
    { numRuns: 100 },
  )
})
