/**
 * Random programs of a probe: each message goes to the first expectation that wants it, waits end in time, and the clock
 * moves no further than what is waited for.
 */
import * as fc from 'fast-check'
import { GenServer } from 'keelson/otp'
import { createProbe, type Probe } from 'keelson/testing'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, same, sampleOf } from '../support/programs.ts'
import { createStage, type Stage } from '../support/system.ts'

const OPERATIONS = ['cast', 'call', 'later', 'expect', 'none', 'advance'] as const

interface Op {
  readonly kind: (typeof OPERATIONS)[number]
  /** The message, or what is expected of it. */
  readonly n: number
  readonly match: 'any' | 'equal' | 'smaller'
  readonly ms: number
}

interface Program {
  /** The program waits for each expectation before it goes on, and the probe moves the clock; or it moves it itself. */
  readonly waits: boolean
  readonly ops: readonly Op[]
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const program: fc.Arbitrary<Program> = fc.record({
  waits: fc.boolean(),
  ops: fc.array(
    fc.record({
      kind: often<Op['kind']>(['cast', 3], ['call', 1], ['later', 4], ['expect', 5], ['none', 2], ['advance', 3]),
      n: fc.nat(5),
      match: fc.constantFrom('any', 'equal', 'smaller'),
      ms: fc.integer({ min: 1, max: 40 }),
    }),
    { minLength: 12, maxLength: 40, size: 'max' },
  ),
})

const reach = new Reach()
afterAll(() => reach.print('probes'))

type Wants = (n: number) => boolean
const wantsOf = ({ match, n }: Op): Wants =>
  match === 'any' ? () => true : match === 'equal' ? (got) => got === n : (got) => got < n

interface Wait {
  readonly name: number
  readonly isNone: boolean
  readonly wants: Wants
  readonly deadline: number
}

/** A probe as its documentation has it: lists of messages and of waits, from one moment to the next. */
class Naive {
  now = 0
  kept: number[] = []
  waits: Wait[] = []
  timers: { readonly due: number; readonly n: number }[] = []
  readonly outcomes = new Map<number, string>()

  receive(n: number): void {
    const taker = this.waits.find(({ isNone, wants }) => !isNone && wants(n))
    for (const { name, isNone } of this.waits) if (isNone) this.outcomes.set(name, `got one at ${this.now}`)
    if (taker !== undefined) this.outcomes.set(taker.name, `${n} at ${this.now}`)
    else this.kept.push(n)
    this.waits = this.waits.filter(({ name }) => !this.outcomes.has(name))
  }

  wait(wait: Wait): void {
    const { name, isNone, wants } = wait
    const kept = this.kept.findIndex(wants)
    if (isNone && this.kept.length > 0) this.outcomes.set(name, `got one at ${this.now}`)
    else if (!isNone && kept >= 0) this.outcomes.set(name, `${this.kept.splice(kept, 1)[0]} at ${this.now}`)
    else this.waits.push(wait)
  }

  /** Returns the next time at which something happens. */
  get next(): number {
    return Math.min(...this.timers.map(({ due }) => due), ...this.waits.map(({ deadline }) => deadline))
  }

  advanceTo(end: number): void {
    for (let { next } = this; next <= end; { next } = this) {
      this.now = next
      const due = this.timers.filter((timer) => timer.due === next)
      this.timers = this.timers.filter((timer) => timer.due !== next)
      for (const { n } of due) this.receive(n)
      for (const { name, isNone, deadline } of this.waits) {
        if (deadline === next) this.outcomes.set(name, `${isNone ? 'none' : 'late'} at ${next}`)
      }
      this.waits = this.waits.filter(({ deadline }) => deadline !== next)
    }
    this.now = Math.max(this.now, end)
  }
}

/** Returns a delay that ends at an even time, or at an odd one: messages and deadlines never come at the same time. */
const delay = (now: number, ms: number, odd: 0 | 1): number => ms + Math.abs(((now + ms) % 2) - odd)

/** Begins an expectation. Resolves with its outcome. */
function expectation(stage: Stage, probe: Probe<number>, op: Op, timeoutMs: number): Promise<string> {
  const { clock } = stage
  if (op.kind === 'none') {
    return probe.expectNone(timeoutMs).then(
      () => `none at ${clock.monoMs()}`,
      ({ code }) => `${code === 'KEELSON_EXPECTATION' ? 'got one' : code} at ${clock.monoMs()}`,
    )
  }
  const match = op.match === 'any' ? undefined : op.match === 'equal' ? op.n : wantsOf(op)
  return probe.expectMessage(match, { timeoutMs }).then(
    (n) => `${n} at ${clock.monoMs()}`,
    ({ code }) => `${code === 'KEELSON_EXPECTATION' ? 'late' : code} at ${clock.monoMs()}`,
  )
}

async function run(stage: Stage, { waits, ops }: Program): Promise<void> {
  const { system, clock } = stage
  const probe = createProbe<number>({ system })
  const naive = new Naive()
  const outcomes = new Map<number, string>()
  const calls: Promise<unknown>[] = []
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms)
    naive.advanceTo(naive.now + ms)
  }
  let still = 0
  for (const [name, op] of ops.entries()) {
    const { kind, n, ms } = op
    if (kind === 'cast') {
      GenServer.cast(probe.ref, n)
      naive.receive(n)
    } else if (kind === 'call') {
      calls.push(GenServer.call(probe.ref, n, { timeout: Infinity }))
      naive.receive(n)
    } else if (kind === 'later') {
      const after = delay(naive.now, ms, 0)
      GenServer.sendAfter(probe.ref, n, after)
      naive.timers.push({ due: naive.now + after, n })
    } else if (kind === 'advance') await advance(ms)
    else {
      const timeoutMs = delay(naive.now, ms, 1)
      const isNone = kind === 'none'
      // A message that is on its way arrives before the expectation, or just after it: that makes no difference.
      const outcome = expectation(stage, probe, op, timeoutMs).then((text) => outcomes.set(name, text))
      naive.wait({ name, isNone, wants: isNone ? () => true : wantsOf(op), deadline: naive.now + timeoutMs })
      if (waits) {
        await outcome
        while (!naive.outcomes.has(name)) naive.advanceTo(naive.next)
        same([outcomes.get(name), clock.monoMs()], [naive.outcomes.get(name), naive.now])
      }
    }
    if (waits) continue
    await stage.turn()
    // A probe waits for 32 turns before it moves the clock itself.
    still = kind === 'advance' ? 0 : still + 1
    if (still === 8) {
      still = 0
      await advance(1)
    }
    same([...outcomes].toSorted(byName), [...naive.outcomes].toSorted(byName))
  }
  if (!waits) await advance(100)
  await stage.turn()
  same([...outcomes].toSorted(byName), [...naive.outcomes].toSorted(byName))
  for (const text of outcomes.values()) reach.fault(text.replace(/^\d+ at .*/, 'a message').replace(/ at .*/, ''))
  same(await Promise.all(calls), Array(calls.length).fill(undefined))
  await system.close()
  same([clock.getPendingTimerCount(), stage.reported], [0, []])
}

const byName = ([one]: [number, string], [other]: [number, string]): number => one - other

it('each message goes to the first expectation that wants it, and each wait ends in time', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      reach.program(each.ops.map(({ kind }) => kind))
      await run(createStage(), each)
    }),
    runsOf('probes', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(20)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
