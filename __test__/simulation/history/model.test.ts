/** Random histories: those that a register gives are explained, and any other is judged as trying every order judges it. */
import * as fc from 'fast-check'
import { type HistoryOperation, linearizable, type SequentialModel } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { runsOf, same } from '../../support/programs.ts'

interface Input {
  readonly key: string
  readonly write?: number
}

type Operation = HistoryOperation<Input, number>

const register: SequentialModel<number, Input, number> = {
  init: () => 0,
  apply: (value, { write }) => (write === undefined ? [value, value] : [write, write]),
  key: ({ key }) => key,
}

/** A step of the world: a client calls, its operation takes effect, or it returns; or nobody hears of it any more. */
interface Step {
  readonly client: number
  readonly kind: 'call' | 'act' | 'return' | 'leave' | 'fail'
  readonly key: string
  readonly write: number | undefined
}

const step: fc.Arbitrary<Step> = fc.record({
  client: fc.nat(3),
  kind: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('call' as const, 'act' as const, 'return' as const) },
    { weight: 1, arbitrary: fc.constantFrom('leave' as const, 'fail' as const) },
  ),
  key: fc.constantFrom('x', 'y'),
  write: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
})

interface Open {
  readonly operation: { -readonly [Field in keyof Operation]: Operation[Field] }
  result: number | undefined
}

/** Runs steps against a register that serves one operation at a time. */
function historyOf(steps: readonly Step[]): Operation[] {
  const values: Record<string, number> = { x: 0, y: 0 }
  const open = new Map<number, Open>()
  const operations: Operation[] = []
  let place = 0
  const act = (each: Open): void => {
    const { key, write } = each.operation.input
    each.result ??= values[key] = write ?? (values[key] as number)
  }
  for (const { client, kind, key, write } of steps) {
    const each = open.get(client)
    if (each === undefined) {
      if (kind !== 'call') continue
      const operation = { client: `c${client}`, input: { key, write }, outcome: 'unknown' as const, called: place++ }
      operations.push(operation as Operation)
      open.set(client, { operation: operation as Open['operation'], result: undefined })
    } else if (kind === 'act') act(each)
    else if (kind === 'leave') open.delete(client)
    else if (kind === 'return' || (kind === 'fail' && each.result === undefined)) {
      if (kind === 'return') act(each)
      each.operation.outcome = kind === 'return' ? 'returned' : 'failed'
      each.operation.returned = place++
      each.operation.output = each.result
      open.delete(client)
    }
  }
  return operations
}

/** Tries every order of the operations of one key. */
function isExplained(operations: readonly Operation[], placed: readonly Operation[] = [], value = 0): boolean {
  const end = ({ outcome, returned }: Operation): number => (outcome === 'returned' ? (returned as number) : Infinity)
  const left = operations.filter((each) => !placed.includes(each))
  if (left.every(({ outcome }) => outcome !== 'returned')) return true
  return left.some((each) => {
    if (left.some((other) => end(other) < each.called)) return false
    const [expected, next] = register.apply(value, each.input)
    if (each.outcome === 'returned' && each.output !== expected) return false
    return isExplained(operations, [...placed, each], next)
  })
}

const withOutput = (operation: Operation, output: number | undefined): Operation =>
  output === undefined || operation.outcome !== 'returned' ? operation : { ...operation, output }

const verdictOf = (operations: readonly Operation[]): string => linearizable(register).check(operations).verdict

describe('a random history', () => {
  it('of a register that serves one operation at a time is linearizable', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        expect(verdictOf(historyOf(steps))).toBe('linearizable')
      }),
      runsOf('histories of a register', 500),
    )
  })

  it('with other outputs is judged as trying every order judges it, and what is blamed fits nowhere', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.array(step, { maxLength: 24 }), fc.array(fc.nat(3), { maxLength: 8 }), (steps, outputs) => {
        const operations = historyOf(steps).map((operation, index) => withOutput(operation, outputs[index]))
        const possible = operations.filter(({ outcome }) => outcome !== 'failed').slice(0, 8)
        const expected = ['x', 'y'].every((key) => isExplained(possible.filter(({ input }) => input.key === key)))
        const result = linearizable(register).check(possible)
        seen.add(result.verdict)
        same(result.verdict === 'linearizable', expected)
        const { violation } = result
        if (violation === undefined) return
        // The order that is given explains its outputs, and the one that is blamed does not come next.
        let value = 0
        for (const { input, outcome, output } of violation.before) {
          const [given, next] = register.apply(value, input)
          if (outcome === 'returned') same(output, given)
          value = next
        }
        same(register.apply(value, violation.operation.input)[0], violation.expected)
        expect(violation.operation.output).not.toBe(violation.expected)
      }),
      runsOf('histories with other outputs', 500),
    )
    expect([...seen].toSorted()).toEqual(['linearizable', 'not linearizable'])
  })
})
