import { InvalidArgumentError } from '../errors/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { callable, isA, list } from '../internal/validate.ts'
import { Atom, participant } from './atom.ts'
import { checkChange } from './change.ts'
import { settle, settleAsOne } from './commits.ts'
import type { ChangeOptions } from './types.ts'

/** The most atoms of a transaction: their commits and times have room in the memory between JavaScript and the core. */
const MOST_ATOMS = 128

/**
 * Changes several atoms as one: either all changes of the body commit, or none. Returns what the body returns.
 *
 * In the body, changes of the listed atoms are staged. The body, and what it calls, reads the staged values. When it
 * returns, each atom whose value differs commits once, so its version is one higher, however often the body changed it.
 * Watchers run after all commits, atom by atom in the order of the list; a watcher may change other atoms, and not
 * those of the transaction. When the body throws, nothing has changed, and the error is thrown.
 *
 * A change of an atom that is not listed commits at once, and stays when the body throws. Shared atoms cannot take
 * part: other threads commit to them meanwhile.
 *
 * @param atoms Up to 128 different atoms, made by `createAtom`.
 * @param body Makes the changes. It must be synchronous.
 * @param options `cause`: the reason of all changes that have none of their own.
 * @throws AtomReentrancyError when one of the atoms is being changed, or takes part in another transaction.
 * @throws InvalidArgumentError for a list that is refused, or a body that returns a promise.
 * @example
 * ```ts
 * transact([from, to], () => {
 *   from.swap((balance) => balance - 30)
 *   to.swap((balance) => balance + 30)
 * })
 * ```
 */
export function transact<R>(atoms: readonly Atom<unknown>[], body: () => R, options?: ChangeOptions): R {
  const parts = checkAtoms(atoms)
  callable('body', body)
  if (options !== undefined) checkChange(options)
  const { assertFree, stage, unstage, prepare, propose, conclude, tell, release, report } = participant
  parts.forEach(assertFree)
  parts.forEach(stage)
  let result: R
  try {
    result = body()
    refusePromise(result, (error) => {
      if (parts[0] !== undefined) report(parts[0], error, 'the body of a transaction')
    })
    const changed = parts.filter(prepare)
    settle()
    changed.forEach(propose)
    settleAsOne()
  } catch (error) {
    parts.forEach(unstage)
    throw error
  }
  const changes = parts.map((atom) => [atom, conclude(atom, options?.cause)] as const)
  for (const [atom, change] of changes) if (change !== undefined) tell(atom, change)
  parts.forEach(release)
  return result
}

function checkAtoms(atoms: readonly unknown[]): Atom<unknown>[] {
  const parts = [...list('atoms', atoms, 'a list of atoms')]
  if (parts.length > MOST_ATOMS) {
    throw new InvalidArgumentError('atoms', `a list of at most ${MOST_ATOMS} atoms`, parts.length)
  }
  parts.forEach((atom, index) => {
    if (!isA<Atom<unknown>>(atom, Atom as never)) {
      throw new InvalidArgumentError(`atoms[${index}]`, 'an atom made by createAtom()', atom)
    }
    if (parts.indexOf(atom) !== index) throw new InvalidArgumentError(`atoms[${index}]`, 'listed once', atom)
  })
  return parts as Atom<unknown>[]
}

/** A transaction ends when its body returns: what an asynchronous one did later would not be part of it. */
function refusePromise(result: unknown, report: (error: unknown) => void): void {
  const pending = promiseOf(result)
  if (pending === undefined) return
  pending.then(undefined, report)
  throw new InvalidArgumentError('body', 'a function that returns no promise', result)
}
