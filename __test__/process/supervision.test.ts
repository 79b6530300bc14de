import {
  createProcessId,
  createRootSupervisor,
  isProcessError,
  type ProcessSpec,
  spawn,
  Supervisor,
} from 'keelson/process'
import { describe, expect, it } from 'vitest'
import { useWorld } from '../support/processes.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()

const backoff = { initial: 100, max: 1000, factor: 2 }
const worker = (rest: Partial<ProcessSpec> = {}): ProcessSpec => ({
  name: 'worker',
  init: () => ({ handled: 0 }),
  handle: (state, message) => {
    if (message.type === 'crash') throw new Error('crash')
    message.reply?.(state.handled + 1)
    return { handled: state.handled + 1 }
  },
  supervision: { type: 'one-for-one', backoff },
  ...rest,
})
const get = (reply: (value: number) => void): object => ({ type: 'get', reply })

describe('supervision, which was declared and never consulted', () => {
  it('starts a process over with the same ref, a fresh state and the mail it had', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(worker(), {})
    expect(ref.send({ type: 'crash' })).toBe(true)
    const kept = ref.ask(get)
    const keptToo = ref.ask(get)
    await clock.flush()
    expect(ref.status()).toBe('starting')
    const later = ref.ask(get)
    await clock.advance(100)
    expect(await Promise.all([kept, keptToo, later])).toEqual([1, 2, 3])
    expect(ref.status()).toBe('running')
    expect(told('process:fail', 'supervisor:restart', 'process:start', 'process:ready')).toMatchObject([
      { type: 'process:start', name: 'worker' },
      { type: 'process:ready' },
      { type: 'process:fail', error: { message: 'crash' } },
      { type: 'supervisor:restart', attempt: 1, delayMs: 100 },
      { type: 'process:start' },
      { type: 'process:ready', startedAt: { monoMs: 100 } },
    ])
    expect(supervisor.children().map(({ id }) => id)).toEqual([ref.id])
  })

  it('keeps the order of mail over a restart, also of an asynchronous handler and of what was handed out', async () => {
    const { supervisor, clock } = world()
    const seen: unknown[] = []
    const ref = supervisor.spawn(
      worker({
        handle: async (state, message) => {
          seen.push(message)
          await clock.sleep(1)
          if (message === 'crash') throw new Error('crash')
          return state
        },
      }),
      {},
    )
    for (let index = 0; index < 100; index++) ref.send(index === 1 ? 'crash' : index)
    await clock.advance(1000)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => (index === 1 ? 'crash' : index)))
  })

  it('backs off and gives up over the budget, each as an event, for good', async () => {
    const { supervisor, clock, told } = world()
    const maxRestarts = { count: 3, within: 10_000 }
    const ref = supervisor.spawn(worker({ supervision: { type: 'one-for-one', backoff, maxRestarts } }), {})
    for (let round = 0; round < 4; round++) {
      ref.send({ type: 'crash' })
      await clock.advance(1000)
    }
    expect(told('supervisor:restart').map(({ delayMs }) => delayMs)).toEqual([100, 200, 400])
    expect(told('supervisor:giveup', 'supervisor:restart:abandoned')).toEqual([
      { type: 'supervisor:giveup', attempts: 3, withinMs: 10_000 },
      { type: 'supervisor:restart:abandoned', because: 'budget' },
    ])
    expect(ref.status()).toBe('failed')
    expect(ref.send({ type: 'get' })).toBe(false)
    expect(supervisor.children()).toEqual([])
    await ref.stop()
    expect(ref.status()).toBe('failed')
  })

  it('counts in a window that slides, on monotonic time', async () => {
    const { supervisor, clock } = world()
    const maxRestarts = { count: 2, within: 1000 }
    const supervision = { type: 'one-for-one', backoff: { initial: 1, max: 1, factor: 1 }, maxRestarts } as const
    const ref = supervisor.spawn(worker({ supervision }), {})
    const crashAt = async (monoMs: number): Promise<string> => {
      await clock.set(monoMs)
      clock.jumpWallTime(clock.now().wallMs + 1e7)
      ref.send({ type: 'crash' })
      await clock.advance(2)
      return ref.status()
    }
    expect(await crashAt(0)).toBe('running')
    expect(await crashAt(900)).toBe('running')
    expect(await crashAt(1100)).toBe('running')
    // Two in the last 1000 ms; a tumbling window would have forgotten one.
    expect(await crashAt(1800)).toBe('failed')
  })

  it('takes a count of 0 as none', async () => {
    const { supervisor, clock, told } = world()
    const supervision = { type: 'one-for-one', backoff, maxRestarts: { count: 0, within: 1000 } } as const
    const ref = supervisor.spawn(worker({ supervision }), {})
    ref.send({ type: 'crash' })
    await clock.advance(1000)
    expect(ref.status()).toBe('failed')
    expect(told('supervisor:giveup')).toEqual([{ type: 'supervisor:giveup', attempts: 0, withinMs: 1000 }])
  })

  it('lets the back-off grow without a budget too', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(worker(), {})
    for (let round = 0; round < 5; round++) {
      ref.send({ type: 'crash' })
      await clock.advance(round === 4 ? 100 : 999)
    }
    expect(told('supervisor:restart').map(({ delayMs }) => delayMs)).toEqual([100, 200, 400, 800, 1000])
  })

  it('draws its jitter from the system', async () => {
    const { system, clock } = world()
    const delays: unknown[] = []
    const supervisor = createRootSupervisor({
      system,
      emit: (event) => {
        if (event.type === 'supervisor:restart') delays.push((event as { delayMs: number }).delayMs)
      },
    })
    const ref = supervisor.spawn(
      worker({ supervision: { type: 'one-for-one', backoff: { ...backoff, jitter: 50 } } }),
      {},
    )
    ref.send({ type: 'crash' })
    await clock.advance(500)
    ref.send({ type: 'crash' })
    await clock.advance(500)
    expect(delays).toMatchInlineSnapshot(`
      [
        82.9839429552528,
        296.46453024244863,
      ]
    `)
  })

  it('rejects the asks of the run that crashed at once, with the cause', async () => {
    const { supervisor, clock } = world()
    const ref = supervisor.spawn(worker(), {})
    const unanswered = supervisor.spawn(
      worker({
        handle: (state, message) => {
          if (message.type === 'crash') throw new Error('crash')
          return state
        },
      }),
      {},
    )
    const begun = rejection(ref.ask((reply) => ({ type: 'crash', reply })))
    const deferred = rejection(unanswered.ask(get))
    unanswered.send({ type: 'crash' })
    await clock.flush()
    for (const error of [await begun, await deferred]) {
      expect(isProcessError(error)).toBe(true)
      expect(error.message).toBe('Process failed: crash')
      expect(error.cause.message).toBe('crash')
    }
  })

  it('runs onStop once for each run that began, before the next', async () => {
    const { supervisor, clock } = world()
    const seen: unknown[] = []
    let starts = 0
    const ref = supervisor.spawn(
      worker({
        init: () => {
          seen.push(`init ${++starts}`)
          return starts
        },
        handle: () => {
          throw new Error('crash')
        },
        onStop: async (state, reason) => {
          await clock.sleep(500)
          seen.push([state, typeof reason === 'string' ? reason : reason.type])
        },
      }),
      {},
    )
    ref.send('crash')
    await clock.advance(1000)
    await Promise.all([clock.advance(1000), ref.stop(), ref.stop('shutdown')])
    expect(seen).toEqual(['init 1', [1, 'error'], 'init 2', [2, 'normal']])
  })

  it('cancels a restart that is pending when it is stopped, as an event', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(worker(), {})
    const queued = rejection(ref.ask(get))
    ref.send({ type: 'crash' })
    const behind = rejection(ref.ask(get))
    await clock.flush()
    expect(await queued).toEqual({ resolved: 1 })
    await ref.stop()
    expect((await behind).message).toBe('Process stopping')
    await clock.advance(10_000)
    expect(ref.status()).toBe('stopped')
    expect(told('supervisor:restart:abandoned')).toEqual([{ type: 'supervisor:restart:abandoned', because: 'stopped' }])
    expect(clock.getPendingTimerCount()).toBe(0)
  })
})

describe('a process without supervision', () => {
  const { supervision: _, ...plain } = worker()

  it('restarts up to five times in any minute, after 100 ms, doubled each time', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(plain, {})
    for (let round = 0; round < 6; round++) {
      expect(ref.send({ type: 'crash' })).toBe(true)
      await clock.advance(2000)
    }
    expect(told('supervisor:restart').map(({ delayMs }) => delayMs)).toEqual([100, 200, 400, 800, 1600])
    expect(told('supervisor:giveup')).toEqual([{ type: 'supervisor:giveup', attempts: 5, withinMs: 60_000 }])
    expect(ref.status()).toBe('failed')
  })

  it('goes on restarting when its failures are far enough apart, at most 5000 ms later', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(plain, {})
    for (let round = 0; round < 20; round++) {
      ref.send({ type: 'crash' })
      await clock.advance(15_000)
    }
    expect(await ref.ask(get)).toBe(1)
    expect(Math.max(...told('supervisor:restart').map(({ delayMs }) => delayMs))).toBeLessThanOrEqual(5000)
  })

  it('restarts a child of a process too, and a process of spawn', async () => {
    const { supervisor, clock, told } = world()
    const parent = supervisor.spawn(
      {
        name: 'parent',
        init: () => undefined,
        handle: (_state, message, tools) => void message.reply(tools.spawn(plain, {})),
      },
      {},
    )
    const child = await parent.ask((reply) => ({ reply }))
    child.send({ type: 'crash' })
    const alone = spawn(plain, {}, clock)
    alone.send({ type: 'crash' })
    await clock.advance(100)
    expect([child.status(), alone.status()]).toEqual(['running', 'running'])
    expect(told('supervisor:restart')).toEqual([{ type: 'supervisor:restart', attempt: 1, delayMs: 100 }])
  })

  it('keeps its failure for itself with the type none', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn({ ...plain, supervision: { type: 'none' } }, {})
    ref.send({ type: 'crash' })
    await clock.advance(1000)
    expect(ref.status()).toBe('failed')
    expect(told('supervisor:restart:abandoned')).toEqual([
      { type: 'supervisor:restart:abandoned', because: 'no-supervision' },
    ])
  })
})

describe('init', () => {
  it('that fails is an event and no unhandled rejection', async () => {
    const { supervisor, clock, told } = world()
    const plain = worker({ supervision: { type: 'none' } })
    const sync = supervisor.spawn(
      {
        ...plain,
        init: () => {
          throw new Error('sync')
        },
      },
      {},
    )
    const async = supervisor.spawn({ ...plain, init: () => Promise.reject(new Error('async')) }, {})
    const asked = rejection(async.ask(get))
    await clock.flush()
    expect([sync.status(), async.status()]).toEqual(['failed', 'failed'])
    expect(told('process:fail').map(({ error }) => error.message)).toEqual(['sync', 'async'])
    expect(told('supervisor:restart:abandoned')).toHaveLength(2)
    expect((await asked).message).toBe('Failed to send ask message')
  })

  it('that fails is told to the system where nobody listens', async () => {
    const { system, clock, reported } = world()
    const plain = worker({ supervision: { type: 'none' } })
    createRootSupervisor({ system }).spawn({ ...plain, init: () => Promise.reject(new Error('no')) }, {})
    await clock.flush()
    expect(reported).toMatchObject([[{ message: 'no' }, 'process worker']])
  })

  it('that fails counts as a failed start, at least 1 ms apart, and mail waits for one that does not', async () => {
    const { supervisor, clock, told } = world()
    let tries = 0
    const supervision = {
      type: 'one-for-one',
      backoff: { initial: 0, max: 0, factor: 1 },
      maxRestarts: { count: 5, within: 1000 },
    } as const
    const ref = supervisor.spawn(
      worker({
        supervision,
        init: async () => {
          if (++tries < 4) throw new Error('not yet')
          return { handled: 0 }
        },
      }),
      {},
    )
    const answer = ref.ask(get)
    await clock.advance(10)
    expect(await answer).toBe(1)
    expect(told('supervisor:restart').map(({ attempt, delayMs }) => [attempt, delayMs])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ])
  })

  it('that is slow queues sends and asks, in order', async () => {
    const { supervisor, clock } = world()
    const seen: number[] = []
    const ref = supervisor.spawn(
      {
        name: 'slow',
        init: () => clock.sleep(50).then(() => 0),
        handle: (state, message) => {
          seen.push(message.n)
          message.reply?.('answer')
          return state
        },
      },
      {},
    )
    expect(ref.status()).toBe('starting')
    expect(ref.send({ n: 1 })).toBe(true)
    const answer = ref.ask((reply) => ({ n: 2, reply }))
    ref.send({ n: 3 })
    await clock.advance(50)
    expect(await answer).toBe('answer')
    expect(seen).toEqual([1, 2, 3])
  })

  it('that ends after a stop leaves no zombie', async () => {
    const { supervisor, clock, told } = world()
    const seen: unknown[] = []
    const ref = supervisor.spawn(
      {
        name: 'late',
        init: () => clock.sleep(50).then(() => 'state'),
        handle: (state) => {
          seen.push('handled')
          return state
        },
        onStop: (state, reason) => seen.push([state, reason]),
      },
      {},
    )
    ref.send(1)
    await clock.flush()
    const stopped = ref.stop()
    expect(ref.status()).toBe('stopping')
    await clock.advance(50)
    await stopped
    await clock.advance(50)
    expect(ref.status()).toBe('stopped')
    expect(seen).toEqual([['state', 'normal']])
    expect(told('process:msg:dropped')).toHaveLength(1)
  })
})

describe('the rules alone', () => {
  it('grant and refuse restarts by id, and forget when asked', () => {
    const { clock } = world()
    const events: unknown[] = []
    const maxRestarts = { count: 2, within: 1000 }
    const rules = new Supervisor({ type: 'one-for-one', backoff, maxRestarts }, clock, (event) => events.push(event))
    const [one, other] = [createProcessId(), createProcessId()]
    expect(() => rules.getRestartDelay(one)).toThrow('No restart was granted')
    expect([rules.shouldRestart(one), rules.getRestartDelay(one)]).toEqual([true, 100])
    expect([rules.shouldRestart(one), rules.getRestartDelay(one)]).toEqual([true, 200])
    expect(rules.shouldRestart(one)).toBe(false)
    expect(rules.shouldRestart(other)).toBe(true)
    rules.clearRestartHistory(one)
    expect(rules.shouldRestart(one)).toBe(true)
    expect(events[2]).toEqual({ type: 'supervisor:giveup', id: one, attempts: 2, withinMs: 1000 })
    expect(new Supervisor({ type: 'none' }, clock).shouldRestart(one)).toBe(false)
  })
})
