/** A controlled clock stands while the package has something in flight, so that a program runs the same way each time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  Atrion,
  type ControlledClock,
  createControlledClock,
  createSystem,
  isTimeoutError,
  openJournal,
  RedisStateProvider,
  type System,
} from 'keelson'
import { Cache, GenServer, TimerService } from 'keelson/otp'
import { printRuns, programs, Reach, runsOf, timeLimit } from '../support/programs.ts'
import { systemWith } from '../support/system.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'keelson-holds-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function world(): { system: System; clock: ControlledClock; errors: unknown[] } {
  const errors: unknown[] = []
  const { clock, system } = systemWith((error) => errors.push(error))
  return { clock, errors, system }
}

describe('a journal on disk under a controlled clock', () => {
  it('gives one timing, however often the program is run', async () => {
    const { system, clock } = world()
    const journal = await openJournal(folder(), { system })
    const timings = new Set<string>()
    const isOver = timeLimit()
    let run = 0
    for (; run < programs(30) && !isOver(); run++) {
      const began = clock.monoMs()
      const times: number[] = []
      const program = (async () => {
        for (let round = 0; round < 3; round++) {
          await clock.sleep(100)
          await journal.append({ round })
          times.push(clock.monoMs() - began)
        }
      })()
      for (let step = 0; step < 8; step++) await clock.advance(50)
      await program
      timings.add(times.join())
      await clock.advance(1000)
    }
    expect([...timings]).toEqual(['100,200,300'])
    printRuns('a journal under advance', run)
    await system.close()
  })

  it('gives one timing under autoAdvance, too', async () => {
    const { system, clock } = world()
    const journal = await openJournal(folder(), { system })
    clock.autoAdvance = true
    for (let run = 0; run < Math.min(programs(20), 1000); run++) {
      const began = clock.monoMs()
      const other = clock.sleep(150).then(() => clock.monoMs() - began)
      await clock.sleep(100)
      await journal.append(run)
      expect(clock.monoMs() - began).toBe(100)
      expect(await other).toBe(150)
    }
    await system.close()
  })

  it.each(['sync', 'flush', 'memory'] as const)(
    'with %s tells readers at the time of the append',
    async (durability) => {
      const { system, clock } = world()
      const journal = await openJournal<number>(folder(), { system, durability })
      const told: number[] = []
      journal.subscribe(({ data }) => told.push(clock.monoMs() - data))
      const program = (async () => {
        for (let round = 0; round < 20; round++) {
          await clock.sleep(10)
          await journal.append(clock.monoMs())
        }
      })()
      await clock.advance(400)
      await program
      expect(told).toEqual(Array.from({ length: 20 }, () => 0))
      await system.close()
    },
  )
})

interface Task {
  readonly steps: readonly { readonly sleep: number; readonly append: 0 | 1 | 2; readonly sync: boolean }[]
}
const task: fc.Arbitrary<Task> = fc.record({
  steps: fc.array(
    fc.record({ sleep: fc.integer({ min: 0, max: 40 }), append: fc.constantFrom(0, 1, 2), sync: fc.boolean() }),
    { minLength: 4, maxLength: 12, size: 'max' },
  ),
})

it('programs of sleeps, appends, syncs and stored timers take the time of their sleeps alone, however they are advanced', async () => {
  const reach = new Reach()
  const path = folder()
  const { system, clock, errors } = world()
  const journals = [
    await openJournal<number>(join(path, 'a'), { system, maxEntries: 100 }),
    await openJournal<number>(join(path, 'b'), { system, durability: 'flush', maxEntries: 100 }),
  ] as const
  const timers = await TimerService.start({ system, path: join(path, 'timers') })
  const rung: number[] = []
  const target = {
    init: () => null,
    handleCall: () => [null, null] as const,
    handleCast: (due: number) => {
      rung.push(clock.monoMs() - due)
      return null
    },
  }
  await GenServer.start(target as never, { name: 'target', system })
  const run = async (tasks: readonly Task[], steps: readonly number[]): Promise<void> => {
    const began = clock.monoMs()
    const seen: number[][] = []
    const expected: number[][] = []
    let longest = 0
    const names: string[] = []
    const work = tasks.map(async (one, index) => {
      const times: number[] = []
      seen[index] = times
      let at = 0
      expected[index] = one.steps.map(({ sleep }) => (at += sleep))
      longest = Math.max(longest, at)
      names.push(
        ...one.steps.map(({ append, sync }) => `${['sleep', 'append', 'timer'][append]}${sync ? ' sync' : ''}`),
      )
      for (const { sleep, append, sync } of one.steps) {
        await clock.sleep(sleep)
        if (append === 1) await journals[index % 2]?.append(index)
        if (append === 2) await TimerService.schedule(timers, 'target', clock.monoMs() + 5, 5)
        if (sync) await journals[index % 2]?.sync()
        times.push(clock.monoMs() - began)
      }
    })
    for (const step of steps) await clock.advance(step)
    await clock.advance(Math.max(longest + 10 - (clock.monoMs() - began), 0))
    await Promise.all(work)
    expect(seen).toEqual(expected)
    reach.program(names)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(task, { minLength: 3, maxLength: 6 }),
      fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 10 }),
      run,
    ),
    { ...runsOf('a clock with work in flight', 20), ...(process.env['KEELSON_PROGRAMS'] ? {} : { seed: 7 }) },
  )
  await clock.advance(10)
  expect(rung.filter((late) => late !== 0)).toEqual([])
  expect(rung.length).toBeGreaterThan(0)
  expect(errors).toEqual([])
  await system.close()
  reach.print('a clock with work in flight')
})

describe("what is not the package's own", () => {
  it('holds nothing: the loader of a shared cache may wait for the clock', async () => {
    const { system, clock } = world()
    const other = createSystem({ clock, namespace: system.namespace.replace('#', 'of ') })
    const one = createSystem({ clock, namespace: other.namespace })
    const caches = [
      await Cache.start({ system: one, name: 'prices', shared: true }),
      await Cache.start({ system: other, name: 'prices', shared: true }),
    ] as const
    const load = async (): Promise<number> => {
      await clock.sleep(100)
      return clock.monoMs()
    }
    const both = [Cache.getOrSet(caches[0], 'a', load), Cache.getOrSet(caches[1], 'a', load)]
    await clock.advance(100)
    expect(await Promise.all(both)).toEqual([100, 100])
    await Promise.all([one.close(), other.close(), system.close()])
  })

  it('can be declared: external() holds an advance as well', async () => {
    const clock = createControlledClock()
    let finish = (): void => undefined
    void clock.external(new Promise<void>((resolve) => (finish = resolve)))
    let arrived = false
    const advance = clock.advance(10).then(() => (arrived = true))
    for (let turns = 0; turns < 20; turns++) await clock.flush()
    expect([arrived, clock.monoMs()]).toEqual([false, 0])
    finish()
    await advance
    expect(clock.monoMs()).toBe(10)
  })
})

it('a dead Redis holds a clock for the time of an exchange, in real time, and is reported', async () => {
  const { system, clock, errors } = world()
  const dead = { call: () => new Promise(() => undefined), status: 'ready', on: () => dead } as never
  const away: unknown[] = []
  const atrion = new Atrion({ system, provider: new RedisStateProvider(dead), sync: { timeoutMs: 40 } })
  atrion.observe((event: { type: string }) => event.type === 'provider:away' && away.push(event))
  const joined = atrion.connect()
  await clock.advance(40)
  await joined
  expect(errors.filter(isTimeoutError)).toHaveLength(1)
  expect(String((errors[0] as Error).message)).toMatch(
    /waited 40 ms of real time for an exchange with RedisStateProvider/,
  )
  expect(away).toHaveLength(1)
  await system.close()
})

describe('waiting for nothing', () => {
  it.each([
    ['controlled', () => createControlledClock({ stallAfterMs: 0 })],
    ['system', () => createSystem().clock],
  ])('lets the event loop turn, on a %s clock', async (_, make) => {
    const clock = make()
    const turned: number[] = []
    setImmediate(() => turned.push(1))
    for (let rounds = 0; turned.length === 0 && rounds < 100; rounds++)
      await (rounds % 2 === 0 ? clock.sleep(0) : clock.deadline({ wallMs: -1 }))
    expect(turned).toEqual([1])
    expect(clock.getPendingTimerCount()).toBe(0)
    clock.close()
  })

  it('takes no time under advance, and comes before the next timer', async () => {
    const clock = createControlledClock()
    const seen: string[] = []
    const program = (async () => {
      for (let round = 0; round < 3; round++) {
        await clock.sleep(0)
        seen.push(`zero at ${clock.monoMs()}`)
        await clock.sleep(5)
        seen.push(`five at ${clock.monoMs()}`)
      }
    })()
    await clock.advance(15)
    await program
    expect(seen).toEqual(['zero at 0', 'five at 5', 'zero at 5', 'five at 10', 'zero at 10', 'five at 15'])
  })
})
