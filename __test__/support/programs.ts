/** Says how many random programs a model runs, and counts what they reach. */
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { expect } from 'vitest'

/**
 * Returns how many programs a model runs: `few` in `npm test`, and what `KEELSON_PROGRAMS` says in `npm run test:long`.
 */
export function programs(few: number): number {
  const wanted = Number(process.env['KEELSON_PROGRAMS'])
  return Number.isInteger(wanted) && wanted > 0 ? wanted : few
}

/** Returns how long, in ms, one property may take in `npm run test:long`: `KEELSON_MINUTES`, or for ever. */
function longest(): number {
  const minutes = Number(process.env['KEELSON_MINUTES'])
  return minutes > 0 ? minutes * 60_000 : Infinity
}

/** Returns a function that says whether the time of a property is over; it starts now. */
export function timeLimit(): () => boolean {
  const end = performance.now() + longest()
  return () => performance.now() > end
}

/** Prints how many programs a model ran. `npm run test:long` keeps the line; `npm test` does not print. */
export function printRuns(model: string, count: number): void {
  if (process.env['KEELSON_PROGRAMS'] !== undefined) process.stdout.write(`programs of ${model}: ${count}\n`)
}

/**
 * Returns the parameters of a property that runs {@link programs}, at most `most` of them and as many as fit into its time.
 * Prints how many ran.
 */
export function runsOf<T>(model: string, few: number, most: number = Infinity): fc.Parameters<T> {
  const ms = longest()
  return {
    numRuns: Math.min(programs(few), most),
    ...(ms === Infinity ? {} : { interruptAfterTimeLimit: ms }),
    reporter: (details) => {
      printRuns(model, details.numRuns)
      if (details.failed) throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance })
    },
  }
}

/** Returns what a thousand programs of a generator reach, the same ones each time. */
export function sampleOf(program: fc.Arbitrary<{ readonly ops: readonly { readonly kind: string }[] }>): Reach {
  const sample = new Reach()
  fc.assert(
    fc.property(program, ({ ops }) => {
      sample.program(ops.map(({ kind }) => kind))
    }),
    { numRuns: 1000, seed: 1 },
  )
  return sample
}

/** Counts what the programs of a model do, so that a generator that reaches nothing is seen. */
export class Reach {
  readonly #lengths: number[] = []
  readonly #pairs = new Map<string, number>()
  readonly #faults = new Map<string, number>()

  /** Takes in the names of one program's operations, in their order. */
  program(operations: readonly string[]): void {
    this.#lengths.push(operations.length)
    for (let index = 1; index < operations.length; index++) {
      const pair = `${operations[index - 1]} → ${operations[index]}`
      this.#pairs.set(pair, (this.#pairs.get(pair) ?? 0) + 1)
    }
  }

  /** Takes in that something rare occurred: a deadline that passed, a crash, a refusal. */
  fault(name: string): void {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1)
  }

  /** Returns how often a fault occurred. */
  faults(name: string): number {
    return this.#faults.get(name) ?? 0
  }

  /** Returns how many programs ran. */
  get count(): number {
    return this.#lengths.length
  }

  /** Returns how many operations the median program has. */
  get median(): number {
    return this.#lengths.toSorted((one, other) => one - other)[this.#lengths.length >> 1] ?? 0
  }

  /** Returns which pairs of these operations never stood side by side. */
  missing(operations: readonly string[]): string[] {
    return operations
      .flatMap((one) => operations.map((other) => `${one} → ${other}`))
      .filter((pair) => !this.#pairs.has(pair))
  }

  /** Prints the lengths, the pairs and the faults. `npm run test:long` keeps these lines; `npm test` does not print. */
  print(model: string): void {
    if (process.env['KEELSON_PROGRAMS'] === undefined) return
    const pairs = [...this.#pairs.entries()].toSorted((one, other) => one[1] - other[1])
    const counts = pairs.map(([, count]) => count)
    const rare = pairs.slice(0, 5).map(([pair, count]) => `${pair} ${count}`)
    const faults = [...this.#faults].map(([name, count]) => `${name} ${count}`)
    process.stdout.write(
      [
        `reach of ${model}: ${this.#lengths.length} programs, median ${this.median} operations`,
        `${pairs.length} pairs, median ${counts[counts.length >> 1] ?? 0} times; the rarest: ${rare.join(', ')}`,
        `faults: ${faults.join(', ') || 'none'}`,
        '',
      ].join('\n'),
    )
  }
}

/** Compares as `toEqual` does, in a hundredth of its time while the two are equal. */
export function same(found: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(found, wanted)) expect(found).toEqual(wanted)
}
