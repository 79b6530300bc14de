/** Simulations as values of fast-check: what they draw, run, print, repeat and shrink. */
import * as fc from 'fast-check'
import {
  isInvalidArgumentError,
  isNondeterminismError,
  isPropertyError,
  isSimulationStuckError,
  type KeelsonError,
} from 'keelson'
import { simulation, simulationFor, type SimulatedRun } from 'keelson/fast-check'
import type { GenServerRef } from 'keelson/otp'
import type { Simulation, SimulationProgram } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { ask, startServer } from '../simulation/races/tools.ts'
import { rejection, thrown } from '../support/rejection.ts'

/** A property that should fail. Returns its details. */
async function failureOf<T>(
  property: fc.IAsyncProperty<T>,
  parameters: fc.Parameters<T> = {},
): Promise<fc.RunDetails<T>> {
  const details = await fc.check(property, { seed: 1, numRuns: 1000, ...parameters })
  expect(details.failed).toBe(true)
  return details
}

const deviationsOf = ({ choices }: SimulatedRun): number[] => (choices ?? []).filter((choice) => choice !== 0)

/** A withdrawal that reads the balance and then writes the new one, by one of two tellers. */
interface Withdrawal {
  readonly teller: 0 | 1
  readonly amount: number
}

const withdrawal: fc.Arbitrary<Withdrawal> = fc.record({
  teller: fc.constantFrom(0, 1),
  amount: fc.integer({ min: 1, max: 100 }),
})

/** Large amounts are refused, so only two that are small can race. The second teller comes later. */
const bank =
  (withdrawals: readonly Withdrawal[]): SimulationProgram =>
  async (sim) => {
    const account = await startServer(
      sim.system('bank'),
      () => ({ balance: 1000 }),
      (message, state) => {
        if (message.type === 'set') state.balance = message['to'] as number
        return state.balance
      },
    )
    const hop = await startServer(
      sim.system('relay'),
      () => ({}),
      () => true,
    )
    const tellers = await Promise.all(
      ['first', 'second'].map((name, place) =>
        startServer(
          sim.system(name),
          () => ({}),
          async ({ amount }) => {
            for (let turn = 0; turn < 5 * place; turn++) await ask(hop, { type: 'hop' })
            if ((amount as number) > 50) return
            const balance = await ask<number>(account, { type: 'get' })
            await ask(account, { type: 'set', to: balance - (amount as number) })
          },
        ),
      ),
    )
    await Promise.all(
      withdrawals.map(({ teller, amount }) => ask(tellers[teller] as GenServerRef, { type: 'withdraw', amount })),
    )
    const taken = withdrawals.filter(({ amount }) => amount <= 50).reduce((sum, { amount }) => sum + amount, 0)
    const left = await ask(account, { type: 'get' })
    if (left !== 1000 - taken) throw new Error(`the balance is ${String(left)}, not ${1000 - taken}`)
  }

const bankProperty = (options: Parameters<typeof simulation>[0] = {}) =>
  fc.asyncProperty(fc.array(withdrawal, { maxLength: 6 }), simulation(options), async (withdrawals, simulated) => {
    await simulated.run(bank(withdrawals))
  })

describe('a race that needs inputs and a schedule', () => {
  it.each(['random', 'pct'] as const)('shrinks to few of both, with the schedule %s', async (schedule) => {
    for (const seed of [1, 2]) {
      // One run in fifty shows the race of two withdrawals alone.
      const details = await failureOf(bankProperty({ schedule, searchRuns: 300 }), { seed })
      const [withdrawals, simulated] = details.counterexample as [Withdrawal[], SimulatedRun]
      expect(withdrawals.map(({ amount }) => amount)).toEqual([1, 1])
      expect(withdrawals.map(({ teller }) => teller).toSorted()).toEqual([0, 1])
      expect(deviationsOf(simulated).length).toBeGreaterThan(0)
      expect(deviationsOf(simulated).length).toBeLessThanOrEqual(10)
    }
  })

  it('does not show in the order of production', async () => {
    await fc.assert(bankProperty({ schedule: 'fifo' }), { seed: 1, numRuns: 50 })
  })

  it('is 1-minimal: with one deviation less, it does not show', async () => {
    const { counterexample } = await failureOf(bankProperty())
    const [withdrawals, simulated] = counterexample as [Withdrawal[], SimulatedRun]
    const { choices = [] } = simulated
    for (const [place, choice] of choices.entries()) {
      if (choice !== 0) await simulationFor(choices.with(place, 0)).run(bank(withdrawals))
    }
  })

  it('is repeated by the call that the report prints', async () => {
    const details = await failureOf(bankProperty({ faults: { delay: 0.01 } }))
    const [withdrawals, simulated] = details.counterexample as [Withdrawal[], SimulatedRun]
    const call = String(simulated)
    expect(fc.defaultReportMessage(details)).toContain(call)
    expect(String(details.errorInstance)).toContain(call)
    expect(call).toMatch(/^simulationFor\(\[[\d, ]*\], \{ seed: \d+, faults: \{ delay: 0\.01 \} \}\)$/)
    // oxlint-disable-next-line no-new-func -- it is the text that a user copies
    const again = new Function('simulationFor', `return ${call}`)(simulationFor) as SimulatedRun
    const error = (await rejection(again.run(bank(withdrawals)))) as Error
    expect(error.message.split('\n')[0]).toBe(String(details.errorInstance).replace('Error: ', '').split('\n')[0])
    const examples = await failureOf(bankProperty(), { numRuns: 1, examples: [[withdrawals, again]] })
    expect(examples.numRuns).toBe(1)
  })

  it('has the same counterexample for the same seed of fast-check', async () => {
    const first = await failureOf(bankProperty(), { seed: 9 })
    const second = await failureOf(bankProperty(), { seed: 9 })
    expect(fc.stringify(second.counterexample)).toBe(fc.stringify(first.counterexample))
    expect([second.numRuns, second.numShrinks]).toEqual([first.numRuns, first.numShrinks])
  })
})

describe('a simulated run', () => {
  it('draws its choices when it runs, and takes them again', async () => {
    const [simulated] = fc.sample(simulation(), { numRuns: 1, seed: 3 }) as [SimulatedRun]
    expect(simulated.choices).toBeUndefined()
    expect(String(simulated)).toMatch(/^simulationFor\(\[\], /)
    const draws: number[][] = []
    const program = (sim: Simulation): void => {
      draws.push([1, 2, 3, 4].map(() => sim.choose(100, 'which')))
    }
    await simulated.run(program)
    await simulated.run(program)
    expect(simulated.choices).toEqual(draws[0])
    expect(new Set(draws.map(String)).size).toBe(1)
  })

  it('takes the choices it is given, and 0 after them', async () => {
    const seen: number[] = []
    await simulationFor([2, 0, 9], { checkEvery: 0 }).run((sim) => {
      for (const of of [3, 3, 3, 3]) seen.push(sim.choose(of, 'which'))
    })
    expect(seen).toEqual([2, 0, 2, 0])
  })

  it('keeps its random streams when its choices shrink', async () => {
    const draws = async (choices: number[], seed: number): Promise<number> => {
      let drawn = 0
      await simulationFor(choices, { seed }).run((sim) => {
        sim.choose(5, 'which')
        drawn = sim.system('a').random.next()
      })
      return drawn
    }
    expect(await draws([4], 7)).toBe(await draws([], 7))
    expect(await draws([], 7)).not.toBe(await draws([], 8))
  })

  it('rejects with the error of the program and the report', async () => {
    const failing = (sim: Simulation): void => {
      if (sim.choose(3, 'which') === 2) throw new RangeError('two')
    }
    const error = (await rejection(simulationFor([2]).run(failing))) as Error
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toMatch(/^simulation failed: two\n {2}repeat it with simulationFor\(\[2\], \{ seed: 0 \}\)/)
    expect(error.message).toContain('which')
    expect(error.message).not.toContain('KEELSON_SEED')
    const stuck = await rejection(simulationFor([]).run((sim) => void sim.clock.sleep(1)))
    expect(isSimulationStuckError(stuck)).toBe(true)
  })

  it('says that a program is not deterministic', async () => {
    let run = 0
    const error = await rejection(simulationFor([]).run((sim) => void sim.choose(2, `run ${++run}`)))
    expect(isNondeterminismError(error)).toBe(true)
    const unchecked = simulationFor([], { checkEvery: 0 })
    await unchecked.run((sim) => void sim.choose(2, `run ${++run}`))
  })

  it('shrinks also where it is part of other values', async () => {
    const property = fc.asyncProperty(
      fc.record({ simulated: simulation(), other: fc.nat() }),
      async ({ simulated }) => {
        await simulated.run((sim) => {
          const [one, two] = [sim.choose(10, 'one'), sim.choose(10, 'two')]
          if (one >= 3 && two >= 2) throw new Error('both')
        })
      },
    )
    const [{ simulated, other }] = (await failureOf(property)).counterexample as [
      { simulated: SimulatedRun; other: number },
    ]
    expect([simulated.choices, other]).toEqual([[3, 2], 0])
  })

  it('shrinks also when the property fails behind it', async () => {
    const property = fc.asyncProperty(fc.array(fc.nat()), simulation(), async (list, simulated) => {
      let answer = 0
      await simulated.run((sim) => {
        answer = list.length === 0 ? 0 : sim.choose(100, 'which')
      })
      expect(answer).toBeLessThan(7)
    })
    const [list, simulated] = (await failureOf(property)).counterexample as [number[], SimulatedRun]
    expect([list, simulated.choices]).toEqual([[0], [7]])
  })

  it('asks whether a property held sometimes, once that is asked for', async () => {
    const runs = simulation()
    const property = fc.asyncProperty(runs, async (simulated) => {
      await simulated.run((sim) => {
        const side = sim.choose(2, 'coin')
        sim.sometimes('heads', side === 0)
        sim.sometimes('the coin stands', side === 2)
      })
    })
    await fc.assert(property, { seed: 1, numRuns: 20 })
    const error = thrown(() => runs.assertSometimes())
    expect(isPropertyError(error)).toBe(true)
    expect(error).toMatchObject({ kind: 'sometimes', property: 'the coin stands' })
    simulation().assertSometimes()
  })
})

describe('bad input', () => {
  it.each([
    [{ rnus: 1 }, 'options.rnus'],
    [{ runs: 1 }, 'options'],
    [{ seed: 1 }, 'options'],
    [{ schedule: 'dfs' }, 'options.schedule'],
    [{ depth: 9 }, 'options.depth'],
    [{ faults: { crahs: 0.1 } }, 'options.faults'],
    [{ timers: 'real' }, 'options.timers'],
    [{ steps: 0 }, 'options.steps'],
    [{ checkEvery: -1 }, 'options.checkEvery'],
    [{ searchRuns: 1.5 }, 'options.searchRuns'],
    [null, 'options'],
  ])('refuses the options %j', (options, field) => {
    const error = thrown(() => simulation(options as never))
    expect(isInvalidArgumentError(error)).toBe(true)
    expect((error as { field: string }).field).toContain(field.split('.')[0])
    expect(`${(error as { field: string }).field} ${(error as KeelsonError).message}`).toContain(field)
  })

  it.each([
    [[-1], 'choices[0]'],
    [[0, 1.5], 'choices[1]'],
    [[0, 2 ** 32], 'choices[1]'],
    [['1'], 'choices[0]'],
    [undefined, 'choices'],
  ])('refuses the choices %j', (choices, field) => {
    expect(thrown(() => simulationFor(choices as never))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })

  it('refuses a seed out of range, and what is no program', async () => {
    expect(thrown(() => simulationFor([], { seed: -1 }))).toMatchObject({ field: 'options.seed' })
    expect(await rejection(simulationFor([]).run(1 as never))).toMatchObject({ field: 'program' })
  })
})
