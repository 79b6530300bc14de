/** Calls at their edges: timeouts in the queue, stops, cycles, replies that are none. */
import { AsyncLocalStorage } from 'node:async_hooks'

import { GenServer, type GenServerBehavior, type GenServerRef } from 'keelson'
import { expect, it } from 'vitest'

import { counter, holder } from '../../support/counter.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await stage.turn()
}

const waits: GenServerBehavior<string[], number | 'seen', number> = {
  init: () => [],
  handleCall: async (message, seen) => {
    if (message === 'seen') return [seen, seen] as const
    await stage.clock.sleep(message)
    return [message, [...seen, `call ${message}`]] as const
  },
  handleCast: (message, seen) => [...seen, `cast ${message}`],
}

it('a call that timed out in the queue is not run later', async () => {
  const ref = await GenServer.start(waits, { system: stage.system })
  const long = GenServer.call(ref, 100)
  const late = rejection(GenServer.call(ref, 7, { timeout: 50 }))
  GenServer.cast(ref, 1)
  await stage.clock.advance(200)
  expect(await long).toBe(100)
  expect(await late).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', serverId: ref.id, timeoutMs: 50 })
  expect(await GenServer.call(ref, 'seen')).toEqual(['call 100', 'cast 1'])
})

it('a call without end, or with one beyond what a host timer takes, does not time out at once', async () => {
  const ref = await GenServer.start(waits, { system: stage.system })
  const calls = [Number.POSITIVE_INFINITY, 2 ** 32].map((timeout) => GenServer.call(ref, 10_000, { timeout }))
  await stage.clock.advance(20_000)
  expect(await Promise.all(calls)).toEqual([10_000, 10_000])
})

it('who is queued behind a stop is answered at once, and a second stop resolves', async () => {
  const ref = await GenServer.start(waits, { system: stage.system })
  const running = GenServer.call(ref, 10)
  await stage.turn()
  const stops = [GenServer.stop(ref), GenServer.stop(ref, 'shutdown')]
  const behind = rejection(GenServer.call(ref, 20, { timeout: Infinity }))
  await stage.clock.advance(10)
  await Promise.all(stops)
  expect([await running, await behind]).toMatchObject([10, { code: 'KEELSON_NOT_RUNNING' }])
  expect(stage.clock.monoMs()).toBe(10)
})

/** Processor time of this process: what other processes take of the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

it('a mailbox costs the same a message however deep it is', async () => {
  const drain = async (depth: number): Promise<number> => {
    const ref = await GenServer.start(counter, { system: stage.system })
    const begun = cpuMs()
    for (let sent = 0; sent < depth; sent++) GenServer.cast(ref, 'add')
    expect(await GenServer.call(ref, 'get', { timeout: Infinity })).toBe(depth)
    return cpuMs() - begun
  }
  await drain(20_000)
  const [shallow, deep] = [await drain(40_000), await drain(400_000)]
  // Ten times the work. What costs more a message the deeper it is takes a hundred times as long.
  expect(deep / shallow).toBeLessThan(40)
})

it('a call to itself is told at once, also after an await', async () => {
  const self: GenServerRef<number, boolean> = await GenServer.start<number, boolean>(
    {
      init: () => 0,
      handleCall: async (later, state) => {
        if (later) await stage.clock.sleep(1)
        return [await GenServer.call(self, false), state]
      },
      handleCast: (_, state) => state,
    },
    { system: stage.system },
  )
  const errors = [rejection(GenServer.call(self, false)), rejection(GenServer.call(self, true))]
  await stage.clock.advance(1)
  for (const error of await Promise.all(errors)) expect(error).toMatchObject({ code: 'KEELSON_CALL_CYCLE' })
})

it('a handler does not run on the stack, nor in the context, of who sends', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const ref = await GenServer.start<number>(
    {
      init: () => 0,
      handleCall: (_, state) => [state, state],
      handleCast: (_, state) => {
        seen.push(storage.getStore())
        return state
      },
    },
    { system: stage.system },
  )
  storage.run('sender', () => GenServer.cast(ref, 1))
  expect(seen).toEqual([])
  await settle()
  expect(seen).toEqual([undefined])
})

it.each<[string, () => GenServerBehavior<number>, string]>([
  ['no tuple', () => ({ ...holder, handleCall: () => 5 as never }), 'handleCall'],
  ['a tuple of three', () => ({ ...holder, handleCall: () => [1, 2, 3] as never }), 'handleCall'],
  ['no state', () => ({ ...holder, handleCall: () => [1, undefined] as never }), 'handleCall'],
])('a reply that is %s names process and callback; the state stays', async (_, behavior, callback) => {
  const ref = await GenServer.start(behavior(), { system: stage.system })
  expect(await rejection(GenServer.call(ref, 'x'))).toMatchObject({
    code: 'KEELSON_INVALID_RETURN',
    serverId: ref.id,
    callback,
  })
  expect([GenServer.getState(ref), GenServer.isRunning(ref)]).toEqual([0, true])
})

it.each<[string, () => unknown]>([
  ['no state', () => undefined],
  ['continueWith without a state', () => GenServer.continueWith(undefined)],
  ['continueWith without handleContinue', () => GenServer.continueWith(1)],
])('a cast that makes %s crashes by name', async (_, make) => {
  const ref = await GenServer.start({ ...holder, handleCast: make as never }, { system: stage.system })
  GenServer.cast(ref, 'x')
  await settle()
  expect(stage.reported).toMatchObject([[{ code: 'KEELSON_INVALID_RETURN', serverId: ref.id }, `process ${ref.id}`]])
  expect(GenServer.isRunning(ref)).toBe(false)
})

it.each<[string, () => unknown]>([
  ['delayMs', async () => GenServer.sendAfter(await GenServer.start(holder, { system: stage.system }), 1, -1)],
  ['ref', () => GenServer.cast({ id: 5 } as never, 1)],
  ['ref', () => GenServer.stop({ id: 'x' })],
  ['ref', () => GenServer.isRunning(undefined as never)],
  ['ref', () => GenServer.getState({ id: 'x' })],
  ['ref', () => GenServer.getStatus({ id: 'x' })],
  ['from', () => GenServer.reply({ timeoutMs: 5 }, 1)],
  ['monitoringRef', () => GenServer.monitor(5 as never, { id: 'y' })],
  ['ref1', () => GenServer.link(undefined as never, { id: 'y' })],
  ['ref', () => GenServer.demonitor({ id: 'x' } as never)],
  ['ref', () => GenServer.unlink(5 as never)],
  ['ref', () => GenServer.cancelTimer(undefined as never)],
  ['handler', () => GenServer.onLifecycleEvent(5 as never, stage.system)],
  ['options.system', () => GenServer.start(holder, { system: {} as never })],
  ['options.onError', () => GenServer.start(holder, { system: stage.system, onError: 'x' as never })],
])('what is given as %s is refused by name', async (field, attempt) => {
  expect(await rejection(Promise.resolve().then(attempt))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
})
