import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'

import { beforeEach, describe, expect, it } from 'vitest'

import { useInstalledClock } from '../../support/installed-clock.ts'

const { stage, install } = useInstalledClock()

describe('timers under installClock', () => {
  let log: string[]
  beforeEach(() => {
    log = []
  })
  const note =
    (text: string) =>
    (...args: unknown[]): void =>
      void log.push([text, ...args, `@${stage.clock.monoMs() - 1_000_000}`].join(' '))

  it('fire in the order of their times, then of their making', async () => {
    install()
    setTimeout(note('second'), 20)
    setTimeout(note('first'), 10, 'with', 2)
    setImmediate(note('immediate'), 'too')
    setTimeout(note('zero is one'), 0)
    setTimeout(note('fractions are cut'), 1.9)
    setTimeout(note('third'), 20)
    await stage.clock.advance(0)
    expect(log).toEqual(['immediate too @0'])
    await stage.clock.advance(20)
    expect(log.slice(1)).toEqual([
      'zero is one @1',
      'fractions are cut @1',
      'first with 2 @10',
      'second @20',
      'third @20',
    ])
  })

  it('fire inside a synchronous advance as well', () => {
    install()
    setInterval(note('tick'), 10)
    stage.clock.advanceBy(30)
    expect(log).toEqual(['tick @10', 'tick @20', 'tick @30'])
  })

  it('are cleared by the object, by its number and by text', async () => {
    install()
    const timers = [1, 2, 3, 4, 5, 6].map((n) => setTimeout(note(`${n}`), n))
    clearTimeout(timers[0])
    clearInterval(Number(timers[1]))
    clearTimeout(`${Number(timers[2])}`)
    timers[3]!.close()
    timers[4]![Symbol.dispose]()
    const immediate = setImmediate(note('immediate'))
    clearImmediate(immediate)
    clearTimeout(undefined)
    clearTimeout(987_654_321)
    clearTimeout({} as never)
    await stage.clock.advance(10)
    expect(log).toEqual(['6 @6'])
  })

  it('have ref, unref, hasRef, refresh and a name', async () => {
    install()
    const timer = setTimeout(note('timer'), 10)
    expect([timer.constructor.name, timer.hasRef(), timer.unref().hasRef(), timer.ref().hasRef()]).toEqual([
      'Timeout',
      true,
      false,
      true,
    ])
    await stage.clock.advance(5)
    expect(timer.refresh()).toBe(timer)
    await stage.clock.advance(9)
    expect(log).toEqual([])
    await stage.clock.advance(1)
    expect(log).toEqual(['timer @15'])
    timer.refresh()
    await stage.clock.advance(10)
    expect(log).toEqual(['timer @15', 'timer @25'])
    clearTimeout(timer)
    timer.refresh()
    await stage.clock.advance(100)
    expect(log).toHaveLength(2)
    const immediate = setImmediate(() => {})
    expect([immediate.constructor.name, immediate.hasRef(), immediate.unref().hasRef()]).toEqual([
      'Immediate',
      true,
      false,
    ])
  })

  it('call back with the timer as this, in the context in which they were made', async () => {
    install()
    const context = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const timer = context.run('made here', () =>
      setTimeout(function callback(this: unknown) {
        seen.push(this, context.getStore())
      }, 1),
    )
    await context.run('advanced here', () => stage.clock.advance(1))
    expect(seen).toEqual([timer, 'made here'])
  })

  it('leave an interval going when its callback throws, and report the error', async () => {
    install()
    const error = new Error('from the callback')
    setInterval(() => {
      note('tick')()
      throw error
    }, 10)
    await stage.clock.advance(20)
    expect(log).toEqual(['tick @10', 'tick @20'])
    expect(stage.reported.map(([reported]) => reported)).toEqual([error, error])
  })

  it('end an interval that clears itself', async () => {
    install()
    const timer = setInterval(() => {
      note('tick')()
      clearInterval(timer)
    }, 10)
    await stage.clock.advance(100)
    expect(log).toEqual(['tick @10'])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('refuse what the host refuses, with the host’s error', () => {
    install()
    for (const make of [setTimeout, setInterval, setImmediate] as ((callback: unknown) => unknown)[]) {
      expect(() => make('text')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    }
    expect(() => setTimeout(() => {}, 1n as never)).toThrow(TypeError)
    expect(() => AbortSignal.timeout(-1)).toThrow(RangeError)
  })

  it('warn of a delay that is longer than the host can wait', async () => {
    install()
    const warned = once(process, 'warning')
    setTimeout(note('at once'), 2 ** 31)
    await stage.clock.advance(1)
    expect(log).toEqual(['at once @1'])
    const [warning] = (await warned) as [Error]
    expect(warning.name).toBe('TimeoutOverflowWarning')
  })

  it('are named where they stand still', () => {
    install()
    setInterval(function poll() {}, 10)
    setTimeout(function giveUp() {}, 20).unref()
    expect(stage.clock.sleepers().map(({ kind, label, dueMs }) => [kind, label, dueMs - 1_000_000])).toEqual([
      ['interval', 'setInterval(poll)', 10],
      ['schedule', 'setTimeout(giveUp)', 20],
    ])
  })

  it('abort a signal at its time', async () => {
    install()
    const signal = AbortSignal.timeout(100)
    await stage.clock.advance(99)
    expect(signal.aborted).toBe(false)
    await stage.clock.advance(1)
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' })
    expect(signal.reason).toBeInstanceOf(DOMException)
  })
})
