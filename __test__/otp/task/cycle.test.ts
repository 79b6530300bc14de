/** A process that waits for a task which calls it back. */
import { GenServer, type GenServerRef, Task } from 'keelson'
import { describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const sleep = (ms: number): Promise<void> => stage.clock.sleep(ms)

type Body = (self: Worker) => unknown
type Worker = GenServerRef<string, 'get' | Body, Body>

/** Runs what it is sent, and answers `get`. */
const worker = async (): Promise<Worker> => {
  const self: Worker = await GenServer.start<string, 'get' | Body, Body>(
    {
      init: () => 'state',
      handleCall: async (message, state) => [message === 'get' ? state : await message(self), state] as const,
      handleCast: async (message, state) => {
        await message(self)
        return state
      },
    },
    { system: stage.system },
  )
  return self
}
const task = <T>(fn: () => T | Promise<T>): Task<T> => Task.async(fn, { system: stage.system })
const get = (ref: Worker): Promise<unknown> => GenServer.call(ref, 'get')

describe('a process that waits for a task which calls it', () => {
  it.each<[string, Body]>([
    ['at once', (self) => Task.await(task(() => get(self)))],
    ['after an await of the task', (self) => Task.await(task(() => sleep(5).then(() => get(self))))],
    ['after an await of the handler', (self) => sleep(5).then(() => Task.await(task(() => get(self))))],
    ['among others', (self) => Task.awaitAll([task(() => sleep(8)), task(() => get(self))])],
    ['from a task of a task', (self) => Task.await(task(() => Task.await(task(() => get(self)))))],
    [
      'from a stream',
      async (self) => {
        const items = Task.asyncStream([5, 1], (ms) => sleep(ms).then(() => get(self)), { system: stage.system })
        for await (const item of items) return item
        return undefined
      },
    ],
  ])('is told at once, by name: %s [call-cycle]', async (_, body) => {
    const self = await worker()
    const called = rejection(GenServer.call(self, body))
    await stage.clock.advance(10)
    expect(await called).toMatchObject({ code: 'KEELSON_CALL_CYCLE', serverId: self.id })
    expect((await called) as { callerId: string }).toMatchObject({ callerId: expect.stringContaining('task_') })
    expect(await get(self)).toBe('state')
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('is told through another process, too [call-cycle]', async () => {
    const [self, other] = [await worker(), await worker()]
    const called = rejection(
      GenServer.call(self, () => Task.await(task(() => sleep(1).then(() => GenServer.call(other, () => get(self)))))),
    )
    await stage.clock.advance(1)
    expect(await called).toMatchObject({ code: 'KEELSON_CALL_CYCLE', serverId: self.id, callerId: other.id })
  })
})

describe('no cycle is', () => {
  it.each<[string, Body]>([
    ['a task that nobody waits for', (self) => void task(() => get(self).then((state) => seen.push(state)))],
    [
      'a task that is waited for after its handler',
      (self) => {
        const running = task(() => sleep(5).then(() => get(self)))
        void Promise.resolve().then(() => sleep(1).then(() => Task.await(running).then((state) => seen.push(state))))
      },
    ],
    [
      'a task that the handler has stopped waiting for',
      async (self) => {
        const running = task(() => sleep(5).then(() => get(self)))
        if ((await Task.yield(running, 1)) === undefined) void running
        void sleep(4).then(() => Task.await(running).then((state) => seen.push(state)))
      },
    ],
    [
      'a call of another process by a task that is waited for',
      async (self) => {
        seen.push(await Task.await(task(async () => get(await worker()))))
        void self
      },
    ],
  ])('%s [call-cycle]', async (_, body) => {
    seen.length = 0
    const self = await worker()
    GenServer.cast(self, body)
    await stage.clock.advance(20)
    expect(seen).toEqual(['state'])
    expect(stage.reported).toEqual([])
  })
  const seen: unknown[] = []
})
