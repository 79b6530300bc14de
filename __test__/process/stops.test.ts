import { createRootSupervisor, type ProcessRef, type ProcessSpec, spawn } from 'keelson/process'
import { createControlledClock } from 'keelson/clock'
import { describe, expect, it } from 'vitest'
import { useWorld } from '../support/processes.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()
const idle = (name: string, rest: Partial<ProcessSpec> = {}): ProcessSpec => ({
  name,
  init: () => 0,
  handle: (state) => state,
  ...rest,
})

describe('stop', () => {
  it('lets the handler end, answers what is queued with an error, and tells what was not delivered', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(
      idle('busy', {
        handle: async (state, message) => {
          await clock.sleep(100)
          message.reply('done')
          return state
        },
      }),
      {},
    )
    const begun = rejection(ref.ask((reply) => ({ reply })))
    const queued = rejection(ref.ask((reply) => ({ reply })))
    await clock.flush()
    ref.send({})
    const [first, second] = [ref.stop(), ref.stop()]
    let ended = false
    void second.then(() => (ended = true))
    expect((await queued).message).toBe('Process stopping')
    expect(ref.status()).toBe('stopping')
    expect(ref.send({})).toBe(false)
    await clock.advance(50)
    expect(ended).toBe(false)
    await clock.advance(50)
    expect(await begun).toEqual({ resolved: 'done' })
    await first
    await second
    expect(ref.status()).toBe('stopped')
    expect(told('process:msg:dropped', 'process:stop')).toEqual([
      { type: 'process:msg:dropped', msgType: 'Object' },
      { type: 'process:stop', reason: 'normal' },
    ])
  })

  it.each([
    ['at once', false],
    ['after an await', true],
  ])('from inside the own handler resolves %s, and the process ends after it', async (_, later) => {
    const { supervisor, clock } = world()
    const seen: unknown[] = []
    const ref: ProcessRef = supervisor.spawn(
      idle('self', {
        handle: async () => {
          if (later) await clock.sleep(1)
          await ref.stop()
          seen.push('after stop')
          return 'last'
        },
        onStop: (state) => seen.push(state),
      }),
      {},
    )
    ref.send(1)
    await clock.advance(1)
    expect(seen).toEqual(['after stop', 'last'])
    expect(ref.status()).toBe('stopped')
  })

  it("from another process's handler waits for the end", async () => {
    const { supervisor, clock } = world()
    const seen: unknown[] = []
    const node = supervisor.spawn(
      idle('node', {
        onStop: async () => {
          await clock.sleep(10)
          seen.push('node stopped')
        },
      }),
      {},
    )
    const manager = supervisor.spawn(
      idle('manager', {
        handle: async (state, message) => {
          await clock.sleep(1)
          await node.stop()
          seen.push('manager goes on')
          message.reply()
          return state
        },
      }),
      {},
    )
    const done = manager.ask((reply) => ({ reply }))
    await clock.advance(20)
    await done
    expect(seen).toEqual(['node stopped', 'manager goes on'])
  })

  it('of two by each other does not wait for ever, nor that of a parent by its child or of all by one', async () => {
    const { supervisor, clock } = world()
    const refs: ProcessRef[] = []
    const stopper = (other: number): ProcessSpec =>
      idle(`stops ${other}`, {
        handle: async (state) => {
          await clock.sleep(1)
          await (refs[other] as ProcessRef).stop()
          return state
        },
      })
    refs.push(supervisor.spawn(stopper(1), {}), supervisor.spawn(stopper(0), {}))
    const parent: ProcessRef = supervisor.spawn(
      idle('parent', {
        handle: (state, _, tools) => {
          tools
            .spawn(
              idle('child', {
                handle: async (own) => {
                  await clock.sleep(1)
                  await parent.stop()
                  return own
                },
              }),
              {},
            )
            .send('go')
          return state
        },
      }),
      {},
    )
    const last = supervisor.spawn(
      idle('last', {
        handle: async (state) => {
          await clock.sleep(5)
          await supervisor.stop()
          return state
        },
      }),
      {},
    )
    for (const ref of [...refs, parent]) ref.send('go')
    await clock.advance(2)
    expect([...refs, parent].map((ref) => ref.status())).toEqual(['stopped', 'stopped', 'stopped'])
    last.send('go')
    await clock.advance(10)
    expect(last.status()).toBe('stopped')
    expect(supervisor.children()).toEqual([])
  })

  it('of the supervisor ends its children, the last first, and takes no more', async () => {
    const { supervisor } = world()
    const seen: string[] = []
    for (const name of ['a', 'b', 'c']) supervisor.spawn(idle(name, { onStop: () => seen.push(name) }), {})
    expect(supervisor.children().map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    await world().clock.flush()
    await Promise.all([supervisor.stop(), supervisor.stop()])
    expect(seen).toEqual(['c', 'b', 'a'])
    expect(supervisor.children()).toEqual([])
    expect(() => supervisor.spawn(idle('d'), {})).toThrow('The supervisor was stopped')
  })

  it('tells what onStop throws', async () => {
    const { supervisor, system, clock, told, reported } = world()
    const failing = idle('failing', { onStop: () => Promise.reject(new Error('no')) })
    const ref = supervisor.spawn(failing, {})
    await clock.flush()
    await ref.stop()
    expect(told('process:stop:error')).toMatchObject([{ error: { message: 'no' } }])
    const silent = createRootSupervisor({ system }).spawn(failing, {})
    await clock.flush()
    await silent.stop()
    expect(reported).toMatchObject([[{ message: 'no' }, 'onStop of process failing']])
  })

  it('of the system ends what is under way without waiting', async () => {
    const { supervisor, system, clock } = world()
    const ref = supervisor.spawn(idle('stuck', { handle: () => new Promise(() => {}) }), {})
    const asked = rejection(ref.ask((reply) => ({ reply })))
    await clock.flush()
    const behind = rejection(ref.ask((reply) => ({ reply })))
    await clock.flush()
    await system.close()
    expect(ref.status()).toBe('stopped')
    expect((await asked).message).toBe('Process stopping')
    expect((await behind).message).toBe('Process stopping')
    expect(() => supervisor.spawn(idle('x'), {})).toThrow('closed')
  })
})

describe('tools', () => {
  it('schedule fires by itself, keeps a loop going over a crash, and dies with the process', async () => {
    const { supervisor, clock } = world()
    const ticks: number[] = []
    const ref = supervisor.spawn(
      idle('heart', {
        handle: (state, message, tools) => {
          if (message.type === 'crash') throw new Error('crash')
          ticks.push(tools.clock.monoMs())
          tools.schedule(100, { type: 'tick' })
          return state
        },
        supervision: { type: 'one-for-one' },
      }),
      {},
    )
    ref.send({ type: 'tick' })
    await clock.advance(250)
    ref.send({ type: 'crash' })
    await clock.advance(250)
    expect(ticks).toEqual([0, 100, 200, 300, 400, 500])
    await ref.stop()
    expect(clock.getPendingTimerCount()).toBe(0)
    await clock.advance(1000)
    expect(ticks).toHaveLength(6)
  })

  it('schedule is not moved by a wall jump, can be cancelled, and says what found no room', async () => {
    const { supervisor, clock, told } = world()
    const seen: unknown[] = []
    const ref = supervisor.spawn(
      idle('x', {
        maxInbox: 1,
        handle: async (state, message, tools) => {
          seen.push(message)
          if (message === 'go') {
            tools.schedule(50, 'kept')
            tools.schedule(50, 'no room')
            tools.schedule(60, 'cancelled').cancel()
            await clock.sleep(70)
          }
          return state
        },
      }),
      {},
    )
    ref.send('go')
    await clock.advance(10)
    clock.jumpWallTime(1e12)
    await clock.advance(100)
    expect(seen).toEqual(['go', 'kept'])
    expect(told('process:schedule:dropped')).toEqual([{ type: 'process:schedule:dropped', msgType: 'String' }])
  })

  it('spawn makes children that stop with their parent, and with a run of it that fails', async () => {
    const { supervisor, clock, told } = world()
    const children: ProcessRef[] = []
    const ref = supervisor.spawn(
      idle('parent', {
        handle: (state, message, tools) => {
          if (message === 'crash') throw new Error('crash')
          children.push(
            tools.spawn(idle('child', { onStop: (_, reason) => tools.emit?.({ type: 'gone', reason }) }), {}),
          )
          return state
        },
        supervision: { type: 'one-for-one' },
      }),
      {},
    )
    ref.send('spawn')
    ref.send('spawn')
    await clock.flush()
    expect(children.map((child) => child.status())).toEqual(['running', 'running'])
    ref.send('crash')
    await clock.advance(10)
    expect(children.map((child) => child.status())).toEqual(['stopped', 'stopped'])
    expect(ref.status()).toBe('running')
    ref.send('spawn')
    await clock.flush()
    await ref.stop()
    expect(children[2]!.status()).toBe('stopped')
    expect(told('gone')).toHaveLength(3)
  })

  it('ask waits for somebody else, times out by name and leaves no timer', async () => {
    const { supervisor, clock } = world()
    const ref = supervisor.spawn(
      idle('x', {
        handle: async (state, message, tools) => {
          const result = await tools.ask(message.what, message.executor, message.timeout).catch((error: Error) => error)
          message.reply(result)
          return state
        },
      }),
      {},
    )
    const ask = (what: string, executor: unknown, timeout?: number): Promise<unknown> =>
      ref.ask((reply) => ({ what, executor, timeout, reply }), Infinity)
    expect(await ask('now', (resolve: (value: number) => void) => resolve(5))).toBe(5)
    expect(clock.getPendingTimerCount()).toBe(0)
    const late = ask('payment', () => {}, 300)
    await clock.advance(300)
    expect(await late).toMatchObject({ name: 'TimeoutError', message: "Ask 'payment' timeout" })
    const thrown = ask('bad', () => {
      throw new Error('thrown')
    })
    expect(await thrown).toMatchObject({ message: 'thrown' })
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('hand on journal, context and a listener for any event, whose own errors stop nothing', async () => {
    const { system, clock, reported } = world()
    const journal: unknown[] = []
    const supervisor = createRootSupervisor({
      system,
      journal: { append: (entry) => journal.push(entry) },
      emit: () => {
        throw new Error('listener')
      },
    })
    const ref = supervisor.spawn(
      idle('x', {
        handle: (state, message, tools) => {
          tools.journal?.append([tools.ctx, message.n])
          tools.emit?.({ type: 'worker:task:start', taskId: 7 })
          message.reply?.('ok')
          return state
        },
      }),
      { tenant: 1 },
    )
    ref.send({ n: 1 })
    expect(await ref.ask((reply) => ({ n: 2, reply }))).toBe('ok')
    await clock.flush()
    expect(journal.filter(Array.isArray)).toEqual([
      [{ tenant: 1 }, 1],
      [{ tenant: 1 }, 2],
    ])
    expect(reported.length).toBeGreaterThan(3)
  })
})

describe('spawn with a clock', () => {
  it('needs no supervisor, and reports to whoever owns the errors of the clock', async () => {
    const errors: unknown[] = []
    const clock = createControlledClock({ onError: (error) => errors.push(error) })
    const ref = spawn(
      idle('alone', {
        handle: () => {
          throw new Error('alone')
        },
        supervision: { type: 'none' },
      }),
      {},
      clock,
    )
    ref.send(1)
    await clock.flush()
    expect(ref.status()).toBe('failed')
    expect(errors).toMatchObject([{ message: 'alone' }])
    clock.close()
    expect(() => spawn(idle('late'), {}, clock)).toThrow('closed')
  })
})
