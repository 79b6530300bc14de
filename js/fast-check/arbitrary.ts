import type { Arbitrary, Random, Stream, Value } from 'fast-check'

import { InvalidArgumentError } from '../errors/errors.ts'
import { lazy } from '../internal/lazy.ts'
import { isA, list } from '../internal/validate.ts'
import {
  drawnSettings,
  type GivenRunOptions,
  givenSettings,
  type SimulatedRunSettings,
  type SimulatedRunOptions,
} from './options.ts'
import { loadFastCheck, type Peer } from './peer.ts'
import { RunCounts, SimulatedRun } from './simulated-run.ts'

/** The seeds that are drawn: easier to type in again than larger ones. */
const SEEDS = 2 ** 31 - 1
const MOST_ANSWER = 2 ** 32 - 1

/** An arbitrary of simulated runs. */
export interface SimulationArbitrary extends Arbitrary<SimulatedRun> {
  /**
   * Fails if a `sim.sometimes` has held in no run so far. Call it behind `fc.assert`, which does not say when it ends.
   *
   * @throws PropertyError for such a property.
   */
  assertSometimes(): void
}

type ArbitraryClass = new (settings: SimulatedRunSettings) => SimulationArbitrary

const arbitraryClass = lazy(() => arbitraryOf(loadFastCheck()))

/** Makes the class, which extends one of fast-check. */
const arbitraryOf = ({ Arbitrary, Value, stream }: Peer): ArbitraryClass =>
  class extends Arbitrary<SimulatedRun> implements SimulationArbitrary {
    readonly #settings: SimulatedRunSettings
    readonly #counts = new RunCounts()

    constructor(settings: SimulatedRunSettings) {
      super()
      this.#settings = settings
    }

    generate(random: Random): Value<SimulatedRun> {
      const seed = random.nextInt(0, SEEDS)
      return new Value(new SimulatedRun({ ...this.#settings, seed }, this.#counts), undefined)
    }

    canShrinkWithoutContext(value: unknown): value is SimulatedRun {
      return isA(value, SimulatedRun)
    }

    shrink(value: SimulatedRun): Stream<Value<SimulatedRun>> {
      return stream(value.smaller().values()).map((smaller) => new Value(smaller, undefined))
    }

    assertSometimes(): void {
      this.#counts.assertSometimes()
    }
  }

/**
 * Returns an arbitrary of runs, for properties that need inputs and a schedule: both shrink together. The property calls
 * `run` with the program.
 *
 * @throws InvalidArgumentError for a bad option; DependencyMissingError when `fast-check` is not installed.
 * @example
 * ```ts
 * await fc.assert(
 *   fc.asyncProperty(fc.array(fc.nat(100)), simulation({ faults: { crash: 0.01 } }), async (amounts, simulated) => {
 *     await simulated.run(async (sim) => {
 *       // …
 *     })
 *   }),
 * )
 * ```
 */
export function simulation(options?: SimulatedRunOptions): SimulationArbitrary {
  const settings = drawnSettings(options)
  return new (arbitraryClass())(settings)
}

/**
 * Returns the run that takes these choices, and 0 after them. fast-check prints this call in its report: put it into
 * `examples` to repeat the failure.
 *
 * @throws InvalidArgumentError for a bad option, or for a choice that is no integer from 0 to 2^32 - 1.
 */
export function simulationFor(choices: readonly number[], options?: GivenRunOptions): SimulatedRun {
  const given = [...list('choices', choices, 'a list of integers')]
  for (const [place, choice] of given.entries()) {
    if (Number.isInteger(choice) && choice >= 0 && choice <= MOST_ANSWER) continue
    throw new InvalidArgumentError(`choices[${place}]`, `an integer from 0 to ${MOST_ANSWER}`, choice)
  }
  return new SimulatedRun(givenSettings(options), new RunCounts(), given)
}
