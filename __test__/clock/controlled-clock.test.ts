import { describe, expect, it, vi } from 'vitest'
import { type ClockEvent, createControlledClock, isTimerLoopError, ms, type Sleeper } from 'keelson'

describe('a controlled clock', () => {
  it('starts both tracks at the initial time, given as an option or a number', () => {
    expect(createControlledClock({ initialTime: 5 }).now()).toEqual({ wallMs: 5, monoMs: 5 })
    expect(createControlledClock(7).now()).toEqual({ wallMs: 7, monoMs: 7 })
    expect(createControlledClock().now()).toEqual({ wallMs: 0, monoMs: 0 })
  })

  it('gives instants that are their wall time in arithmetic, comparisons and text', () => {
    const clock = createControlledClock(1000)
    const start = clock.now()
    clock.advanceBy(250)
    expect(clock.now() - start).toBe(250)
    expect(clock.now() + 60_000).toBe(61_250)
    expect(start < clock.now()).toBe(true)
    expect(`${start}`).toBe('1000')
    expect(JSON.parse(JSON.stringify(start))).toEqual({ wallMs: 1000, monoMs: 1000 })
  })

  it('fires in (deadline, insertion) order, and what a callback sees as now is its deadline', () => {
    const clock = createControlledClock()
    const fired: string[] = []
    const note = (name: string) => () => fired.push(`${name}@${clock.monoMs()}`)
    clock.schedule(20, note('c'))
    clock.schedule(10, note('a'))
    clock.schedule(10, note('b'))
    clock.schedule(0, note('now'))
    clock.advanceBy(20)
    expect(fired).toEqual(['now@0', 'a@10', 'b@10', 'c@20'])
  })

  it('ticks an interval at a fixed cadence, also when its callback advances the clock', () => {
    const clock = createControlledClock()
    const at: number[] = []
    const interval = clock.interval(100, () => {
      at.push(clock.monoMs())
    })
    clock.advanceBy(550)
    expect(at).toEqual([100, 200, 300, 400, 500])
    interval.cancel()
    interval.cancel()
    clock.advanceBy(1000)
    expect(at).toHaveLength(5)
    expect(clock.getPendingTimerCount()).toBe(0)

    const nested: number[] = []
    const other = createControlledClock()
    other.interval(10, () => {
      nested.push(other.monoMs())
      if (nested.length === 1) other.advanceBy(5)
    })
    other.advanceBy(30)
    expect(nested).toEqual([10, 20, 30])
  })

  it('fires every tick of an asynchronous interval in a synchronous drain', () => {
    const clock = createControlledClock()
    let ticks = 0
    clock.interval(10, async () => {
      ticks++
    })
    clock.advanceBy(50)
    expect(ticks).toBe(5)
  })

  it('skips ticks that find their callback running, like the system clock', async () => {
    const clock = createControlledClock()
    const started: number[] = []
    clock.interval(10, async () => {
      started.push(clock.monoMs())
      await clock.sleep(25)
    })
    await clock.advance(100)
    expect(started).toEqual([10, 40, 70, 100])
  })

  it('counts a nested sleep from its own instant', async () => {
    const clock = createControlledClock()
    const woken: number[] = []
    const sleeper = (async () => {
      await clock.sleep(50)
      woken.push(clock.monoMs())
      await clock.sleep(10)
      woken.push(clock.monoMs())
    })()
    await clock.advance(100)
    await sleeper
    expect(woken).toEqual([50, 60])
    expect(clock.monoMs()).toBe(100)
  })

  it('lets code that is about to sleep get there before it moves', async () => {
    const clock = createControlledClock()
    let woken = 0
    void (async () => {
      for (let hop = 0; hop < 50; hop++) await Promise.resolve()
      await clock.sleep(10)
      woken = clock.monoMs()
    })()
    await clock.advance(10)
    expect(woken).toBe(10)
  })

  it('runs queued advances one after the other', async () => {
    const clock = createControlledClock()
    const first = clock.advance(10)
    const second = clock.advance(10)
    await Promise.all([first, second])
    expect(clock.monoMs()).toBe(20)
    await clock.set(100)
    expect(clock.monoMs()).toBe(100)
    await clock.set(50)
    expect(clock.monoMs()).toBe(100)
  })

  it('names the timer that loops, in both kinds of advance, and can go on', async () => {
    const clock = createControlledClock({ loopLimit: 100 })
    clock.schedule(5, function spinner() {
      clock.schedule(0, spinner)
    })
    const error = await clock.advance(10).catch((reason: unknown) => reason)
    expect(isTimerLoopError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'KEELSON_TIMER_LOOP', timer: expect.stringContaining('spinner') })
    expect(() => clock.advanceBy(10)).toThrow(/spinner/)
    expect(clock.monoMs()).toBe(5)
  })

  it('allows a long chain that moves time', async () => {
    const clock = createControlledClock({ loopLimit: 10 })
    let ticks = 0
    clock.interval(0.5, () => {
      ticks++
    })
    clock.advanceBy(1000)
    expect(ticks).toBe(2000)
  })

  it('moves to the next timer on tick, and not at all without one', () => {
    const clock = createControlledClock()
    clock.tick()
    expect(clock.monoMs()).toBe(0)
    let fired = 0
    clock.schedule(10, () => fired++)
    clock.schedule(10, () => fired++)
    clock.schedule(11, () => fired++)
    clock.tick()
    expect([clock.monoMs(), fired]).toEqual([10, 2])
  })

  it('ignores advances that do not go forward', () => {
    const clock = createControlledClock(10)
    clock.advanceBy(0)
    clock.advanceBy(-5)
    clock.advanceTo(3)
    expect(clock.now()).toEqual({ wallMs: 10, monoMs: 10 })
    clock.advanceTo(15)
    expect(clock.monoMs()).toBe(15)
  })

  it('sleeps a year for a year', async () => {
    const clock = createControlledClock()
    const year = 365 * 86_400_000
    let woken = false
    void clock.sleep(year).then(() => (woken = true))
    await clock.advance(year - 1)
    expect(woken).toBe(false)
    await clock.advance(1)
    expect(woken).toBe(true)
  })

  it('contains a callback that throws: its owner is told, and the others run', () => {
    const errors: unknown[] = []
    const clock = createControlledClock({ onError: (error, origin) => errors.push([(error as Error).message, origin]) })
    let later = false
    clock.schedule(1, function broken() {
      throw new Error('boom')
    })
    clock.schedule(2, () => (later = true))
    clock.advanceBy(5)
    expect(later).toBe(true)
    expect(errors).toEqual([['boom', 'a timer callback (broken)']])
  })

  it('forgets everything on close', async () => {
    const clock = createControlledClock()
    clock.schedule(1, () => {})
    const handle = clock.schedule(1, () => {})
    clock.close()
    clock.close()
    handle.cancel()
    expect(clock.getPendingTimerCount()).toBe(0)
    await expect(clock.sleep(1)).rejects.toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(() => clock.advanceBy(1)).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  })
})

describe('wall time', () => {
  it('jumps without moving monotonic time, and says so', () => {
    const events: ClockEvent[] = []
    const clock = createControlledClock({ emit: (event) => events.push(event) })
    clock.advanceBy(10)
    clock.jumpWallTime(5000)
    expect(clock.now()).toEqual({ wallMs: 5000, monoMs: 10 })
    expect(events).toEqual([
      { type: 'time:advance', byMs: 10, fromMono: 0, toMono: 10 },
      { type: 'time:wall_jump', fromWall: 10, toWall: 5000, monoMs: 10 },
    ])
  })

  it('wakes wall deadlines that a jump passes, and only those', async () => {
    const clock = createControlledClock()
    const woken: string[] = []
    void clock.deadline({ wallMs: 1000 }).then(() => woken.push('deadline'))
    void clock.sleep(1000).then(() => woken.push('sleep'))
    clock.jumpWallTime(2000)
    await clock.flush()
    expect(woken).toEqual(['deadline'])
  })

  it('makes a deadline wait longer after a backward jump, and reports it as met', async () => {
    const events: ClockEvent[] = []
    const clock = createControlledClock({ emit: (event) => events.push(event) })
    void clock.deadline({ wallMs: 1000 })
    clock.jumpWallTime(-500)
    await clock.advance(1000)
    expect(events.filter((event) => event.type.startsWith('time:deadline'))).toHaveLength(1)
    await clock.advance(500)
    expect(events).toContainEqual({
      type: 'time:deadline:ok',
      targetMs: 1000,
      actualMs: 1000,
      driftMs: 0,
      at: { wallMs: 1000, monoMs: 1500 },
    })
  })

  it('says err for a deadline that was past when asked for', async () => {
    const events: ClockEvent[] = []
    const clock = createControlledClock({ initialTime: 100, emit: (event) => events.push(event) })
    await clock.deadline({ wallMs: 40 })
    expect(events.map((event) => event.type)).toEqual(['time:deadline:start', 'time:deadline:err'])
    expect(events[1]).toMatchObject({ driftMs: 60 })
  })

  it('reports a deadline at its own instant, whatever the advance', () => {
    const events: ClockEvent[] = []
    const clock = createControlledClock({ emit: (event) => events.push(event) })
    void clock.deadline({ wallMs: 50 })
    clock.advanceBy(200)
    expect(events).toContainEqual(expect.objectContaining({ type: 'time:deadline:ok', driftMs: 0 }))
  })
})

describe('events', () => {
  it('tell of sleeps and intervals', async () => {
    const events: ClockEvent[] = []
    const clock = createControlledClock({ emit: (event) => events.push(event) })
    void clock.sleep(ms(10))
    await clock.sleep(0)
    await clock.timeout(-1)
    const interval = clock.interval(4, () => {
      throw new Error('tick failed')
    })
    await clock.advance(10)
    interval.cancel()
    interval.cancel()
    expect(events.map((event) => event.type)).toEqual([
      'time:sleep:start',
      'time:interval:set',
      'time:interval:tick',
      'time:interval:error',
      'time:interval:tick',
      'time:interval:error',
      'time:sleep:end',
      'time:advance',
      'time:interval:cancel',
    ])
    expect(events[0]).toEqual({ type: 'time:sleep:start', durationMs: 10, at: { wallMs: 0, monoMs: 0 } })
    expect(events[6]).toMatchObject({ durationMs: 10, actualMs: 10 })
    expect(events[8]).toMatchObject({ intervalMs: 4, ticks: 2 })
  })

  it('do not break the clock when the listener throws', () => {
    const errors: unknown[] = []
    const clock = createControlledClock({
      emit: () => {
        throw new Error('listener')
      },
      onError: (error) => errors.push(error),
    })
    let ticks = 0
    clock.interval(10, () => {
      ticks++
    })
    clock.advanceBy(20)
    expect(ticks).toBe(2)
    expect(errors.length).toBeGreaterThan(0)
  })

  it('hand errors of an interval to the owner when nobody listens', async () => {
    const errors: unknown[] = []
    const clock = createControlledClock({ onError: (error) => errors.push(error) })
    clock.interval(10, async () => {
      throw new Error('rejected')
    })
    await clock.advance(20)
    expect(errors).toHaveLength(2)
  })
})

describe('abort signals', () => {
  it('end every wait early with their reason, and leave no timer and no listener', async () => {
    const clock = createControlledClock()
    const controller = new AbortController()
    const added = vi.spyOn(controller.signal, 'addEventListener')
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const reason = new Error('enough')
    const waits = [
      clock.sleep(10, { signal: controller.signal }),
      clock.timeout(10, { signal: controller.signal }),
      clock.deadline({ wallMs: 10 }, { signal: controller.signal }),
    ]
    const settled = Promise.allSettled(waits)
    controller.abort(reason)
    expect((await settled).map((result) => (result as PromiseRejectedResult).reason)).toEqual([reason, reason, reason])
    expect(clock.getPendingTimerCount()).toBe(0)
    await expect(clock.sleep(10, { signal: controller.signal })).rejects.toBe(reason)

    const quiet = new AbortController()
    const off = vi.spyOn(quiet.signal, 'removeEventListener')
    void clock.sleep(5, { signal: quiet.signal })
    clock.advanceBy(5)
    expect(off).toHaveBeenCalledTimes(1)
    expect(added).toHaveBeenCalledTimes(1) // however many waits there are
    expect(removed).toHaveBeenCalledTimes(1)
  })
})

describe('autoAdvance', () => {
  it('jumps while somebody waits and the program is idle', async () => {
    const clock = createControlledClock()
    clock.autoAdvance = true
    for (let day = 0; day < 3; day++) await clock.sleep(86_400_000)
    expect(clock.monoMs()).toBe(3 * 86_400_000)
  })

  it('ticks intervals on the way but does not move for them alone', async () => {
    const clock = createControlledClock()
    let ticks = 0
    clock.interval(10, () => {
      ticks++
    })
    clock.autoAdvance = true
    for (let turns = 0; turns < 20; turns++) await clock.flush()
    expect(clock.monoMs()).toBe(0)
    await clock.sleep(35)
    expect(ticks).toBe(3)
    clock.autoAdvance = false
  })

  it('waits for real work that is declared', async () => {
    const clock = createControlledClock()
    clock.autoAdvance = true
    let finish = (): void => {}
    const io = clock.external(new Promise<void>((resolve) => (finish = resolve)))
    let woken = false
    const slept = clock.sleep(10).then(() => (woken = true))
    for (let turns = 0; turns < 20; turns++) await clock.flush()
    expect(woken).toBe(false)
    finish()
    await io
    await slept
    expect(clock.monoMs()).toBe(10)
  })
})

describe('reports', () => {
  it('say who sleeps and where it was made', () => {
    const clock = createControlledClock()
    void clock.sleep(30)
    void clock.deadline({ wallMs: 20 })
    clock.schedule(10, function refresh() {})
    clock.schedule(10, () => {}, { label: 'poll' })
    expect(clock.sleepers()).toEqual([
      {
        kind: 'sleep',
        label: undefined,
        track: 'mono',
        dueMs: 30,
        createdAt: expect.stringContaining('controlled-clock.test.ts'),
      },
      {
        kind: 'deadline',
        label: undefined,
        track: 'wall',
        dueMs: 20,
        createdAt: expect.stringContaining('controlled-clock.test.ts'),
      },
      { kind: 'schedule', label: 'refresh', track: 'mono', dueMs: 10, createdAt: undefined },
      { kind: 'schedule', label: 'poll', track: 'mono', dueMs: 10, createdAt: undefined },
    ])
  })

  it('tell when somebody sleeps and nothing moves', async () => {
    const clockReport = new Promise<Sleeper[]>((resolve) => {
      const clock = createControlledClock({ stallAfterMs: 20, onStall: resolve })
      void clock.sleep(1000)
    })
    const keepAlive = setInterval(() => {}, 10)
    const sleepers = await clockReport
    clearInterval(keepAlive)
    expect(sleepers).toMatchObject([{ kind: 'sleep', dueMs: 1000 }])
  })
})

describe('bad input', () => {
  const clock = createControlledClock()
  const refused = (field: string) => expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field })

  it.each([NaN, Infinity, -Infinity, '5', undefined, null, {}, 9e15])('refuses %s as a duration', async (bad) => {
    const value = bad as number
    await expect(clock.sleep(value)).rejects.toEqual(refused('ms'))
    await expect(clock.timeout(value)).rejects.toEqual(refused('ms'))
    await expect(clock.advance(value)).rejects.toEqual(refused('ms'))
    await expect(clock.deadline({ wallMs: value })).rejects.toEqual(refused('target.wallMs'))
    expect(() => clock.interval(value, () => {})).toThrow(refused('ms'))
    expect(() => clock.schedule(value, () => {})).toThrow(refused('ms'))
    expect(() => clock.advanceBy(value)).toThrow(refused('ms'))
    expect(() => clock.advanceTo(value)).toThrow(refused('monoMs'))
    expect(() => clock.jumpWallTime(value)).toThrow(refused('wallMs'))
    expect(() => ms(value)).toThrow(refused('value'))
    expect(clock.getPendingTimerCount()).toBe(0)
    expect(clock.now()).toEqual({ wallMs: 0, monoMs: 0 })
  })

  it('refuses what is not a callback, a signal, a target or an option', async () => {
    expect(() => clock.interval(0, () => {})).toThrow(/Interval must be positive/)
    expect(() => clock.interval(-1, () => {})).toThrow(/Interval must be positive/)
    expect(() => clock.interval(10, 'x' as never)).toThrow(refused('callback'))
    expect(() => clock.schedule(10, undefined as never)).toThrow(refused('callback'))
    await expect(clock.sleep(1, { signal: {} as never })).rejects.toEqual(refused('options.signal'))
    await expect(clock.deadline(undefined as never)).rejects.toEqual(refused('target'))
    await expect(clock.advance(-1)).rejects.toEqual(refused('ms'))
    expect(() => createControlledClock({ initialTime: NaN })).toThrow(refused('options.initialTime'))
    expect(() => createControlledClock(NaN)).toThrow(refused('options.initialTime'))
    expect(() => createControlledClock({ intialTime: 1 } as never)).toThrow(refused('options.intialTime'))
    expect(() => createControlledClock({ loopLimit: 0 })).toThrow(refused('options.loopLimit'))
    expect(() => createControlledClock({ emit: 1 as never })).toThrow(refused('options.emit'))
    expect(clock.getPendingTimerCount()).toBe(0)
  })
})
