/** Runs a program on atoms and on their specification: lists of values that are kept by hand. */
import { type Atom, type Change, createAtom, createControlledClock, isAtomReentrancyError, transact } from 'keelson'
import { expect } from 'vitest'

import { type Reach, same } from '../../support/programs.ts'
import { thrown } from '../../support/rejection.ts'
import type { Op, Program } from './program.ts'

/** Commits in a row: now and then more than have room between JavaScript and the core. */
const burstOf = ({ of, to }: Op): number => (of === 3 && to === 3 ? 600 : of)

type Kept = [value: number, version: number, wallMs: number]

/** A model of an atom, with its watchers. */
class Specification {
  kept: Kept[]
  readonly size: number
  /** The calls that watchers got. */
  readonly log: string[] = []
  watching = 0

  constructor(size: number, version: number) {
    this.size = size
    this.kept = [[0, version, 0]]
  }

  get value(): number {
    return (this.kept.at(-1) as Kept)[0]
  }

  set(next: number, now: number, cause?: string): void {
    const [value, version] = this.kept.at(-1) as Kept
    if (next === value) return
    this.kept = [...this.kept, [next, version + 1, now] satisfies Kept].slice(-this.size)
    for (let watcher = 0; watcher < this.watching; watcher++) this.log.push(line(value, next, version + 1, now, cause))
  }
}

const line = (from: number, to: number, version: number, now: number, cause: unknown): string =>
  `${from}>${to}@${version} ${now} ${String(cause)}`

interface Pair {
  readonly atom: Atom<number>
  readonly model: Specification
  readonly log: string[]
  readonly ends: (() => void)[]
}

export function run({ sizes, baseVersion, ops }: Program, reach: Reach): void {
  const clock = createControlledClock()
  const pairs = sizes.map((historySize): Pair => {
    const atom = createAtom(0, clock, { historySize, baseVersion })
    return { atom, model: new Specification(historySize, baseVersion), log: [], ends: [] }
  })
  for (const op of ops) {
    step(op, pairs, clock, reach)
    for (const { atom, model, log } of pairs) {
      const [value, version] = model.kept.at(-1) as Kept
      same([atom.deref(), atom.version()], [value, version])
      same([log.length, log.at(-1)], [model.log.length, model.log.at(-1)])
    }
    const { atom, model } = pairs[op.at] as Pair
    same(
      atom.history().map(({ value, version, at }) => [value, version, at.wallMs]),
      model.kept,
    )
  }
  for (const { atom, model, log } of pairs) {
    same(log, model.log)
    same(
      atom.history().map(({ value, version, at }) => [value, version, at.wallMs]),
      model.kept,
    )
  }
  reach.program(ops.map(({ kind }) => kind))
}

function step(op: Op, pairs: Pair[], clock: ReturnType<typeof createControlledClock>, reach: Reach): void {
  const pair = pairs[op.at] as Pair
  const { atom, model, log, ends } = pair
  const now = clock.now().wallMs
  switch (op.kind) {
    case 'reset':
      atom.reset(op.to, { cause: 'reset' })
      return model.set(op.to, now, 'reset')
    case 'swap':
      atom.swap((value) => value + op.to)
      return model.set(model.value + op.to, now)
    case 'compareAndSet': {
      const commits = model.value === op.of && op.to !== op.of
      same(atom.compareAndSet(op.of, op.to), commits)
      return commits ? model.set(op.to, now) : undefined
    }
    case 'throw': {
      const failure = new Error('the updater failed')
      const attempt = (): never => {
        throw failure
      }
      return same(
        thrown(() => atom.swap(attempt)),
        failure,
      )
    }
    case 'reenter': {
      const nested = (value: number): number => atom.reset(op.to) + value
      return same(isAtomReentrancyError(thrown(() => atom.swap(nested))), true)
    }
    case 'watch':
      model.watching++
      ends.push(
        atom.watch(({ from, to, versionTo, at, cause }: Change<number>) => {
          log.push(line(from, to, versionTo, at.wallMs, cause))
        }),
      )
      return undefined
    case 'unwatch':
      if (ends.length === 0) return undefined
      model.watching--
      return ends.pop()?.()
    case 'clear':
      atom.clearHistory()
      model.kept = model.kept.slice(-1)
      return undefined
    case 'time':
      return clock.advanceBy(op.to)
    case 'burst':
      for (let count = 0; count < burstOf(op); count++) {
        atom.swap((value) => value + 1)
        model.set(model.value + 1, now)
      }
      // The numbers stay small, so that equal values come up again.
      atom.reset(op.to)
      return model.set(op.to, now)
    default:
      return transaction(op, pair, pairs[op.other] as Pair, now, reach)
  }
}

/** Changes two atoms several times, and one of them back; `abort` throws at the end. */
function transaction(op: Op, first: Pair, second: Pair, now: number, reach: Reach): void {
  const fails = op.kind === 'abort'
  const failure = new Error('the body failed')
  const atoms = [first.atom, second.atom]
  const attempt = (): string =>
    transact(
      atoms,
      () => {
        first.atom.reset(op.of + 10)
        second.atom.swap((value) => value + op.to, { cause: 'own' })
        same(isAtomReentrancyError(thrown(() => transact([first.atom], () => 0))), true)
        first.atom.reset(op.to)
        same(first.atom.deref(), op.to)
        if (fails) throw failure
        return 'done'
      },
      { cause: 'both' },
    )
  if (first === second) {
    reach.fault('listed twice')
    expect(thrown(attempt)).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'atoms[1]' })
    return
  }
  if (fails) {
    reach.fault('aborted')
    same(thrown(attempt), failure)
    return
  }
  same(attempt(), 'done')
  first.model.set(op.to, now, 'both')
  second.model.set(second.model.value + op.to, now, 'own')
}
