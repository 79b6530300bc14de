/** The check of histories: registers that are right and wrong, unknown outcomes, keys, and what it says of a violation. */
import { isInvalidArgumentError, isLinearizabilityError, LinearizabilityError } from 'keelson'
import { type HistoryOperation, linearizable, type SequentialModel } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { thrown } from '../../support/rejection.ts'
import { explored, failureOf, passes } from '../explored.ts'

interface RegisterInput {
  readonly f: 'read' | 'write' | 'cas'
  readonly value?: unknown
  readonly key?: string
}

type Operation = HistoryOperation<RegisterInput, unknown>

/** Jepsen's register: a read, a write, and a compare-and-set that says whether it was done. */
const register: SequentialModel<unknown, RegisterInput, unknown> = {
  init: () => null,
  apply: (state, { f, value }) => {
    if (f === 'read') return [state, state]
    if (f === 'write') return [undefined, value]
    const [from, to] = value as [unknown, unknown]
    return state === from ? [true, to] : [false, state]
  },
}

const keyed: typeof register = { ...register, key: ({ key }) => key ?? '' }

/**
 * Reads a history as Jepsen prints it: process, kind (invoke, ok, fail, info), function, value. What a read invokes with
 * is not looked at.
 */
function history(...lines: string[]): Operation[] {
  const operations: (Operation & { outcome: Operation['outcome']; output?: unknown; returned?: number })[] = []
  const open = new Map<string, (typeof operations)[number]>()
  for (const [place, line] of lines.entries()) {
    const [client = '', kind, f = '', text = 'null', key] = line.split(/\s+/)
    const value: unknown = JSON.parse(text)
    if (kind === 'invoke') {
      const input = { f, value, ...(key !== undefined && { key }) } as RegisterInput
      const operation = { client, input, outcome: 'unknown' as const, called: place }
      operations.push(operation)
      open.set(client, operation)
      continue
    }
    const operation = open.get(client) as (typeof operations)[number]
    open.delete(client)
    if (kind === 'info') continue
    operation.outcome = kind === 'ok' ? 'returned' : 'failed'
    operation.output = f === 'read' ? value : f === 'cas' ? true : undefined
    operation.returned = place
  }
  return operations
}

const verdictOf = (lines: readonly string[], model = register): string =>
  linearizable(model).check(history(...lines)).verdict

const GOOD: Readonly<Record<string, readonly string[]>> = {
  'nothing at all': [],
  'a read of the first value': ['0 invoke read', '0 ok read null'],
  'a read after a write': ['0 invoke write 1', '0 ok write 1', '1 invoke read', '1 ok read 1'],
  'a read beside a write that sees the value before': [
    '0 invoke write 1',
    '1 invoke read',
    '1 ok read null',
    '0 ok write 1',
  ],
  'a read beside a write that sees its value': ['0 invoke write 1', '1 invoke read', '1 ok read 1', '0 ok write 1'],
  'two reads beside a write, the earlier one old': [
    '0 invoke write 1',
    '1 invoke read',
    '1 ok read null',
    '2 invoke read',
    '2 ok read 1',
    '0 ok write 1',
  ],
  'two writes beside each other, in either order': [
    '0 invoke write 1',
    '1 invoke write 2',
    '0 ok write 1',
    '1 ok write 2',
    '2 invoke read',
    '2 ok read 1',
    '2 invoke read',
    '2 ok read 1',
  ],
  'a compare-and-set that is done, and one that is not': [
    '0 invoke write 1',
    '0 ok write 1',
    '0 invoke cas [1,2]',
    '1 invoke cas [1,3]',
    '1 fail cas [1,3]',
    '0 ok cas [1,2]',
    '0 invoke read',
    '0 ok read 2',
  ],
  'a write of an unknown outcome that never takes effect': [
    '0 invoke write 1',
    '0 info write 1',
    '1 invoke read',
    '1 ok read null',
  ],
  'a write of an unknown outcome that takes effect much later': [
    '0 invoke write 1',
    '0 info write 1',
    '1 invoke read',
    '1 ok read null',
    '1 invoke read',
    '1 ok read 1',
  ],
  'a write that failed': ['0 invoke write 1', '0 fail write 1', '1 invoke read', '1 ok read null'],
  'a compare-and-set of an unknown outcome that explains a value': [
    '0 invoke write 1',
    '0 ok write 1',
    '1 invoke cas [1,2]',
    '1 info cas [1,2]',
    '0 invoke read',
    '0 ok read 1',
    '0 invoke read',
    '0 ok read 2',
  ],
}

const BAD: Readonly<Record<string, readonly string[]>> = {
  'a read of a value that nobody wrote': ['0 invoke read', '0 ok read 7'],
  'a read of the value before, after the write returned': [
    '0 invoke write 1',
    '0 ok write 1',
    '1 invoke read',
    '1 ok read null',
  ],
  'a read of a lost update': [
    '0 invoke write 1',
    '0 ok write 1',
    '1 invoke write 2',
    '1 ok write 2',
    '0 invoke read',
    '0 ok read 1',
  ],
  'two reads beside a write, the later one old': [
    '0 invoke write 1',
    '1 invoke read',
    '1 ok read 1',
    '2 invoke read',
    '2 ok read null',
    '0 ok write 1',
  ],
  'two writes beside each other, seen in both orders': [
    '0 invoke write 1',
    '1 invoke write 2',
    '0 ok write 1',
    '1 ok write 2',
    '2 invoke read',
    '2 ok read 1',
    '3 invoke read',
    '3 ok read 2',
  ],
  'a compare-and-set from a value that was not there': [
    '0 invoke write 1',
    '0 ok write 1',
    '1 invoke cas [3,4]',
    '1 ok cas [3,4]',
  ],
  'a compare-and-set that two clients win': [
    '0 invoke write 1',
    '0 ok write 1',
    '0 invoke cas [1,2]',
    '1 invoke cas [1,3]',
    '0 ok cas [1,2]',
    '1 ok cas [1,3]',
  ],
  'a write that failed and is read': ['0 invoke write 1', '0 fail write 1', '1 invoke read', '1 ok read 1'],
  'a write of an unknown outcome that takes effect twice': [
    '0 invoke write 1',
    '0 info write 1',
    '1 invoke read',
    '1 ok read 1',
    '1 invoke write 2',
    '1 ok write 2',
    '1 invoke read',
    '1 ok read 1',
  ],
}

describe('a register', () => {
  it.each(Object.entries(GOOD))('explains %s', (_, lines) => {
    expect(verdictOf(lines)).toBe('linearizable')
  })

  it.each(Object.entries(BAD))('does not explain %s', (_, lines) => {
    expect(verdictOf(lines)).toBe('not linearizable')
  })

  it('is one for each key, where the model has keys', () => {
    const lines = ['0 invoke write 1 x', '0 ok write 1 x', '1 invoke read null y', '1 ok read null y']
    expect(verdictOf(lines, keyed)).toBe('linearizable')
    expect(verdictOf(lines)).toBe('not linearizable')
    const wrong = [...lines, '2 invoke read null y', '2 ok read 1 y']
    expect(linearizable(keyed).check(history(...wrong))).toMatchObject({ verdict: 'not linearizable', key: 'y' })
  })
})

describe('a violation', () => {
  const result = linearizable(keyed).check(
    history(
      '0 invoke write 5 x',
      '0 ok write 5 x',
      'a invoke write 1 y',
      'a ok write 1 y',
      'b invoke write 2 y',
      'c invoke read null y',
      'c ok read 2 y',
      'd invoke read null y',
      'd ok read 1 y',
      'b ok write 2 y',
    ),
  )

  it('names the operation that fits nowhere, an order of those before it, and what was expected', () => {
    const { violation } = result
    expect(violation?.operation).toMatchObject({ client: 'd', output: 1 })
    expect(violation?.before.map(({ client }) => client)).toEqual(['a', 'b', 'c'])
    expect(violation?.expected).toBe(2)
    expect(violation?.concurrent.map(({ client }) => client)).toEqual(['b'])
  })

  it('has words for people, a line for each operation', () => {
    expect(result.text.split('\n')).toEqual([
      expect.stringMatching(/^not linearizable \(key 'y'\): no order .* by d gave 1$/),
      'an order that explains the outputs before it:',
      expect.stringMatching(/^ +a +2 to 3 +\{.*\} +→ undefined$/),
      expect.stringMatching(/^ +b +4 to 9 +\{.*\} +→ undefined$/),
      expect.stringMatching(/^ +c +5 to 6 +\{.*\} +→ 2$/),
      'after those it would have given 2:',
      expect.stringMatching(/^ +d +7 to 8 +\{.*\} +→ 1$/),
    ])
  })

  it('is thrown by the check of a history, with the result', async () => {
    const error = await failureOf(async (sim) => {
      const seen = sim.history<RegisterInput, unknown>()
      await seen.record('a', { f: 'write', value: 1 }, () => undefined)
      await seen.record('b', { f: 'read' }, () => 0)
      seen.check(linearizable(register))
    })
    expect(isLinearizabilityError(error)).toBe(true)
    expect(error).toBeInstanceOf(LinearizabilityError)
    expect(error).toMatchObject({
      code: 'KEELSON_NOT_LINEARIZABLE',
      result: { verdict: 'not linearizable', violation: { operation: { client: 'b' } } },
      message: expect.stringContaining('no order of the operations explains'),
    })
  })
})

describe('a model', () => {
  it('may change the state that it gets, which may be any plain data', () => {
    interface Bag {
      readonly items: Map<string, number>
    }
    const bag: SequentialModel<Bag, string, number> = {
      init: () => ({ items: new Map() }),
      apply: (state, name) => {
        const count = (state.items.get(name) ?? 0) + 1
        state.items.set(name, count)
        return [count, state]
      },
    }
    const operation = (
      client: string,
      input: string,
      output: number,
      called: number,
    ): HistoryOperation<string, number> => ({
      client,
      input,
      outcome: 'returned',
      output,
      called,
      returned: called + 10,
    })
    const operations = [
      operation('a', 'x', 3, 0),
      operation('b', 'x', 1, 1),
      operation('c', 'y', 1, 2),
      operation('d', 'x', 2, 3),
    ]
    expect(linearizable(bag).check(operations).verdict).toBe('linearizable')
    expect(linearizable(bag).check([...operations, operation('e', 'x', 3, 20)]).verdict).toBe('not linearizable')
  })

  it('may say itself when an output is the expected one', () => {
    const operations = history('0 invoke read', '0 ok read 7')
    const lenient = { ...register, equals: (output: unknown) => output === 7 }
    expect(linearizable(lenient).check(operations).verdict).toBe('linearizable')
  })

  it('whose states are no plain data is refused', () => {
    const bad = { ...register, init: () => (() => 1) as unknown }
    expect(thrown(() => linearizable(bad).check(history('0 invoke read', '0 ok read 1')))).toMatchObject({
      code: 'KEELSON_NOT_PLAIN',
    })
  })
})

it('ends undecided when there are too many orders, and says so', () => {
  const operations: Operation[] = Array.from({ length: 40 }, (_, index) => ({
    client: `c${index}`,
    input: { f: 'write', value: index },
    outcome: 'returned',
    output: undefined,
    called: index,
    returned: 100 + index,
  }))
  operations.push({ client: 'r', input: { f: 'read' }, outcome: 'returned', output: 1000, called: 200, returned: 201 })
  const result = linearizable(register, { steps: 5000 }).check(operations)
  expect(result).toMatchObject({ verdict: 'undecided', text: expect.stringContaining('5000 steps') })
})

describe('bad input', () => {
  const good: Operation = {
    client: 'a',
    input: { f: 'read' },
    outcome: 'returned',
    output: null,
    called: 0,
    returned: 1,
  }
  const checker = linearizable(register)

  it.each([
    ['model', () => linearizable(undefined as never)],
    ['model.init', () => linearizable({ apply: register.apply } as never)],
    ['model.apply', () => linearizable({ init: () => 0 } as never)],
    ['model.key', () => linearizable({ ...register, key: 'x' } as never)],
    ['model.equals', () => linearizable({ ...register, equals: 1 } as never)],
    ['model.equal', () => linearizable({ ...register, equal: () => true } as never)],
    ['options.steps', () => linearizable(register, { steps: 0 })],
    ['options.step', () => linearizable(register, { step: 1 } as never)],
    ['operations', () => checker.check('none' as never)],
    ['operations[0]', () => checker.check([1 as never])],
    ['operations[1].client', () => checker.check([good, { ...good, client: '' }])],
    ['operations[0].outcome', () => checker.check([{ ...good, outcome: 'ok' as never }])],
    ['operations[0].called', () => checker.check([{ ...good, called: NaN }])],
    ['operations[0].returned', () => checker.check([{ ...good, returned: undefined }])],
    ['operations[0].returned', () => checker.check([{ ...good, called: 5 }])],
  ])('%s is refused by name', (field, attempt) => {
    const error = thrown(attempt)
    expect(isInvalidArgumentError(error)).toBe(true)
    expect(error).toMatchObject({ field })
  })

  it('of a record in a run is refused by name', () =>
    passes(async (sim) => {
      const seen = sim.history()
      await expect(seen.record('a', 1, 2 as never)).rejects.toMatchObject({ field: 'run' })
      await expect(seen.record('', 1, () => 1)).rejects.toMatchObject({ field: 'client' })
      await expect(seen.record('a', 1, () => 1, { fails: () => true } as never)).rejects.toMatchObject({
        field: 'options.fails',
      })
      expect(thrown(() => seen.check(register as never))).toMatchObject({ field: 'checker.check' })
      const pending = seen.begin('a', 1)
      pending.returned(1)
      expect(thrown(() => pending.failed())).toMatchObject({ field: 'operation' })
    }))
})

describe('a history of a run', () => {
  it('has the operations in the order of their calls, with times and outcomes', () =>
    passes(
      async (sim) => {
        const seen = sim.history<string, string>()
        const first = seen.record('a', 'slow', async () => {
          await sim.clock.sleep(10)
          return 'done'
        })
        const second = seen.record('b', 'refused', () => Promise.reject(new Error('full')), {
          failed: (error) => (error as Error).message === 'full',
        })
        await expect(second).rejects.toThrow('full')
        await expect(seen.record('c', 'lost', () => Promise.reject(new Error('late')))).rejects.toThrow('late')
        await first
        expect(seen.operations).toEqual([
          {
            client: 'a',
            input: 'slow',
            outcome: 'returned',
            output: 'done',
            called: 0,
            returned: 4,
            calledMs: 0,
            returnedMs: 10,
          },
          { client: 'b', input: 'refused', outcome: 'failed', called: 1, returned: 2, calledMs: 0, returnedMs: 0 },
          { client: 'c', input: 'lost', outcome: 'unknown', called: 3, calledMs: 0 },
        ])
      },
      { runs: 1, checkEvery: 0 },
    ))

  it('shows its calls and returns in the report of a failure', async () => {
    const { failure } = await explored(async (sim) => {
      const seen = sim.history<string, number>()
      await seen.record('teller', 'withdraw', () => 7)
      throw new Error('shown')
    })
    expect(failure?.report).toMatch(/calls +teller +'withdraw'/)
    expect(failure?.report).toMatch(/returns +teller +'withdraw' → 7/)
  })
})
