/** Processes end in order when their system closes. */
import {
  type ControlledClock,
  createControlledClock,
  createSystem,
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  Registry,
  Supervisor,
  type SupervisorRef,
  type System,
  Task,
} from 'keelson'
import * as fc from 'fast-check'
import { createProcess, createRootSupervisor } from 'keelson/process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { systemWith } from '../support/system.ts'

const FOREVER = new Promise<never>(() => {})

let clock: ControlledClock
let system: System
let log: string[]
let reported: unknown[]
let unhandled: unknown[]
const onUnhandled = (error: unknown): void => void unhandled.push(error)
beforeEach(() => {
  log = []
  reported = []
  unhandled = []
  // What is tested is seen on a clock that stays open.
  clock = createControlledClock()
  system = createSystem({ clock, onError: (error) => reported.push(error) })
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  await system.close()
  for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

type Message = 'note' | 'hang' | 'crash' | { ask: GenServerRef }
type Worker = GenServerRef<number, unknown, Message>

/** Notes what it handles, and how it ends. */
const worker = (
  name: string,
  given: Partial<GenServerBehavior<number, unknown, Message>> = {},
  of: System = system,
): Promise<Worker> =>
  GenServer.start<number, unknown, Message>(
    {
      init: () => 0,
      handleCall: (message, state) => (message === 'later' ? GenServer.noReply(state) : [state, state]),
      handleCast: async (message, state) => {
        if (message === 'crash') throw new Error(`${name} crashed`)
        if (message === 'hang') return FOREVER
        if (typeof message === 'object') await GenServer.call(message.ask, 'later')
        log.push(`${name} ${message as string}`)
        return state
      },
      terminate: (reason) => void log.push(`${name} ends: ${reason as string}`),
      ...given,
    },
    { system: of, name },
  )

type Plan = 'good' | 'deaf' | 'hung' | 'task' | 'unit' | { readonly children: readonly Plan[] }
const { plan } = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.constantFrom<Plan>('good', 'deaf', 'hung', 'task', 'unit'),
    fc.record({ children: fc.array(tie('plan'), { maxLength: 3 }) }),
  ),
}))

describe('a system that closes', () => {
  it('ends whatever there is, in order, without a wait for time or an unhandled rejection [close-order][close-bounded]', async () => {
    const property = fc.asyncProperty(fc.array(plan, { maxLength: 5 }), fc.boolean(), async (plans, crashes) => {
      const [errors, order]: [unknown[], string[]] = [[], []]
      const of = systemWith((error) => errors.push(error))
      const own = of.clock
      const isAlive: (() => boolean)[] = []
      let made = 0
      const add = async (kind: Plan, isNested = false): Promise<GenServerRef | SupervisorRef> => {
        if (typeof kind === 'object') {
          const children = kind.children.map((one, id) => ({ id: String(id), start: () => add(one, true) }))
          const ref = await Supervisor.start({ system: of, children })
          isAlive.push(() => Supervisor.isRunning(ref))
          return ref
        }
        const name = String(++made).padStart(3, '0')
        // No supervisor of keelson/otp ends a unit: it would end before those that were started with it.
        if (kind === 'unit' && !isNested) {
          const onStop = (): void => void order.push(name)
          const unit = createRootSupervisor({ system: of }).spawn({ name, init: () => 0, handle: (n) => n, onStop }, {})
          isAlive.push(() => unit.status() !== 'stopped')
        }
        const ref =
          kind === 'task'
            ? await Task.start(() => FOREVER, { system: of })
            : await worker(name, { terminate: () => (kind === 'deaf' ? FOREVER : void order.push(name)) }, of)
        if (kind === 'hung') GenServer.cast(ref as Worker, 'hang')
        if (crashes && kind === 'good') GenServer.cast(ref as Worker, 'note')
        isAlive.push(() => GenServer.getStatus(ref).status !== 'stopped')
        return ref
      }
      for (const kind of plans) await add(kind)
      const calls = [...Array(made).keys()].map((index) => {
        const ref = Registry.whereis(String(index + 1).padStart(3, '0'), of)
        return ref === undefined ? undefined : rejection(GenServer.call(ref, 'later', { timeout: Infinity }))
      })
      await of.close()
      expect(isAlive.some((test) => test())).toBe(false)
      for (const answer of await Promise.all(calls)) {
        if (answer !== undefined) expect(answer).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
      }
      // Of a worker and a unit of one name, the worker was started later.
      expect(order).toEqual(order.toSorted().toReversed())
      expect([errors, own.monoMs(), own.getPendingTimerCount()]).toEqual([[], 0, 0])
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('ends its processes, the last first, each after its mail; supervisors end what is theirs [close-order]', async () => {
    const a = await worker('a')
    const supervisor = await Supervisor.start({
      system,
      children: ['b', 'c'].map((id) => ({ id, start: () => worker(id) })),
    })
    const d = await worker('d')
    GenServer.cast(a, 'note')
    GenServer.cast(d, 'note')
    const closing = system.close()
    expect(system.closed).toBe(true)
    await closing
    expect(log).toEqual([
      'a note',
      'd note',
      'd ends: shutdown',
      'c ends: shutdown',
      'b ends: shutdown',
      'a ends: shutdown',
    ])
    expect(await supervisor.terminated).toBe('shutdown')
    expect([a, d].map((ref) => GenServer.getStatus(ref).status)).toEqual(['stopped', 'stopped'])
    expect(reported).toEqual([])
  })

  it('ends those of keelson/process as well, in the same order [close-order]', async () => {
    const root = createRootSupervisor({ system })
    const spec = (name: string) => ({
      name,
      init: () => 0,
      handle: (state: number) => state,
      onStop: (_: number, reason: unknown) => void log.push(`${name} ends: ${reason as string}`),
    })
    root
      .spawn(
        {
          ...spec('first'),
          handle: (state, _message, tools) => {
            tools.spawn(spec('child'), {})
            return state
          },
        },
        {},
      )
      .send('go')
    await clock.flush()
    await worker('second')
    root.spawn(spec('third'), {})
    const classic = createProcess(
      { handle: () => undefined, terminate: () => void log.push('classic ends') },
      { system },
    )
    await classic.start()
    await clock.flush()
    await system.close()
    expect(log).toEqual([
      'classic ends',
      'third ends: shutdown',
      'second ends: shutdown',
      'child ends: shutdown',
      'first ends: shutdown',
    ])
    expect(classic.state).toBe('stopped')
    await expect(classic.send('x')).rejects.toThrow('stopped')
    expect(() => root.spawn(spec('late'), {})).toThrow('closed')
  })

  it.each(['init', 'handler', 'terminate', 'sleep', 'child', 'start'] as const)(
    'does not wait for time that does not pass: a %s that never ends is killed [close-bounded]',
    async (what) => {
      await worker('before')
      const ends: unknown[] = []
      GenServer.onLifecycleEvent((event) => event.type === 'terminated' && ends.push(event.reason), system)
      let starting: Promise<unknown> = Promise.resolve()
      if (what === 'init') starting = rejection(worker('x', { init: () => FOREVER }))
      else if (what === 'child' || what === 'start') {
        const start = what === 'child' ? () => worker('x', { terminate: () => FOREVER }) : () => FOREVER
        starting = rejection(Supervisor.start({ system, children: [{ id: 'x', start, shutdownTimeout: Infinity }] }))
      } else {
        const slow = what === 'sleep' ? () => clock.sleep(60_000) : () => FOREVER
        const x = await worker('x', what === 'handler' ? {} : { terminate: slow })
        if (what === 'handler') GenServer.cast(x, 'hang')
      }
      await clock.flush()
      await system.close()
      expect(log).toEqual(['before ends: shutdown'])
      expect(clock.monoMs()).toBe(0)
      expect(await starting).toMatchObject(
        what === 'init'
          ? { code: 'KEELSON_INIT_FAILED' }
          : what === 'start'
            ? { code: 'KEELSON_SUPERVISOR_NOT_FOUND' }
            : {},
      )
      expect(clock.getPendingTimerCount()).toBe(what === 'sleep' ? 1 : 0)
      // One that never began has no end to tell of.
      expect(ends).toHaveLength(what === 'init' || what === 'start' ? 1 : 2)
      expect(reported).toEqual([])
    },
  )

  it('gives each its time on a clock that runs, and all of them closeTimeout [close-bounded]', async () => {
    const slow = createSystem({ closeTimeout: 60, onError: (error) => reported.push(error) })
    const { clock: real } = slow
    const told = (name: string, ms: number) => ({
      terminate: async () => {
        await real.sleep(ms)
        log.push(`${name} ended`)
      },
    })
    const first = await worker('first', { terminate: () => void log.push('first ended') }, slow)
    await worker('stuck', told('stuck', 10_000), slow)
    await worker('slow', told('slow', 10), slow)
    const begun = real.monoMs()
    await slow.close()
    // When the time is up, what needs none still ends by itself.
    expect(log).toEqual(['slow ended', 'first ended'])
    expect(real.monoMs() - begun).toBeLessThan(5000)
    expect(GenServer.isRunning(first)).toBe(false)
    expect(() => createSystem({ closeTimeout: -1 })).toThrow('options.closeTimeout')
  })

  it('does not wait for fake timers that nobody moves [close-bounded]', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    try {
      const faked = createSystem({ onError: (error) => reported.push(error) })
      await worker('a', {}, faked)
      await worker('stuck', { terminate: () => faked.clock.sleep(1000) }, faked)
      await faked.close()
      expect(log).toEqual(['a ends: shutdown'])
      expect(reported).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })

  it('waits for what gets on, also where time stands still [close-bounded]', async () => {
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      log.push('done')
    }
    await worker('a', { terminate: turns })
    const flooded = await GenServer.start(
      { init: () => 0, handleCall: (_, n) => [n, n] as const, handleCast: (_, n) => n + 1 },
      { system },
    )
    for (let sent = 0; sent < 400_000; sent++) GenServer.cast(flooded, sent)
    await system.close()
    expect(GenServer.getState(flooded)).toBe(400_000)
    expect(log).toEqual(['done'])
  })

  it('rejects the calls that are open, whoever holds them [close-calls]', async () => {
    const a = await worker('a')
    const busy = await worker('busy')
    GenServer.cast(busy, 'hang')
    const calls = [GenServer.call(a, 'later'), GenServer.call(busy, 'queued', { timeout: Infinity })].map(rejection)
    await clock.flush()
    calls.push(rejection(GenServer.call(a, 'later')))
    const asking = await worker('asking')
    // The handler that waits for it crashes, which is no news.
    GenServer.cast(asking, { ask: a })
    const task = rejection(Task.await(Task.async(() => FOREVER, { system })))
    const stream = Task.asyncStream([1, 2, 3], () => FOREVER, { system })
    const item = rejection(stream.next())
    await clock.flush()
    await system.close()
    expect(await item).toMatchObject({ code: 'KEELSON_TASK_ENDED' })
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(await task).toMatchObject({ code: 'KEELSON_TASK_ENDED' })
    expect(await rejection(GenServer.call(a, 'get'))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(() => GenServer.cast(a, 'note')).toThrow('not running')
    expect(reported).toEqual([])
  })

  it('starts nothing, and restarts nothing [close-no-restart]', async () => {
    let starts = 0
    const start = (): Promise<Worker> => worker(`child ${++starts}`)
    const supervisor = await Supervisor.start({ system, children: [{ id: 'x', start }] })
    const child = Supervisor.getChild(supervisor, 'x')?.ref as Worker
    // Ends first, and takes its time: the child crashes meanwhile.
    await worker('last', {
      terminate: async () => {
        GenServer.cast(child, 'crash')
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
        log.push(`crashed: ${GenServer.getStatus(child).status}`)
        log.push(
          String(
            await rejection(Supervisor.startChild(supervisor, { id: 'y', start })).then(
              (e) => (e as { code: string }).code,
            ),
          ),
        )
      },
    })
    const closing = system.close()
    expect(await rejection(worker('late'))).toMatchObject({ code: 'KEELSON_CLOSED' })
    await closing
    expect(starts).toBe(1)
    expect(log.slice(1)).toEqual(['crashed: stopped', 'KEELSON_CLOSED'])
    expect(await supervisor.terminated).toBe('shutdown')
    expect(reported).toEqual([])
  })

  it('keeps names while processes end, and has none afterwards [close-names]', async () => {
    await worker('first')
    await worker('last', { terminate: () => void log.push(String(Registry.whereis('first', system) !== undefined)) })
    await system.close()
    expect(log).toEqual(['true', 'first ends: shutdown'])
    expect([Registry.whereis('first', system), Registry.count(system)]).toEqual([undefined, 0])
  })

  it('tells the owner what terminate throws, and goes on [close-order]', async () => {
    await worker('a')
    await worker('b', { terminate: () => Promise.reject(new Error('cannot')) })
    await system.close()
    expect(reported).toMatchObject([{ message: 'cannot' }])
    expect(log).toEqual(['a ends: shutdown'])
  })

  it('does so though its clock is closed already [close-bounded]', async () => {
    const odd = systemWith((error) => reported.push(error))
    const own = odd.clock
    await worker('a', {}, odd)
    const child = (): Promise<Worker> => worker('deaf', { terminate: () => FOREVER }, odd)
    const supervisor = await Supervisor.start({ system: odd, children: [{ id: 'deaf', start: child }] })
    own.close()
    await odd.close()
    expect(log).toEqual(['a ends: shutdown'])
    expect(Supervisor.isRunning(supervisor)).toBe(false)
    expect(reported).toEqual([])
  })
})
