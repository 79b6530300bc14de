import { BaseClock } from '../clock/base.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'
import { type ErrorOwner, tellOwner, warnOwner } from '../internal/report-error.ts'
import { fieldOf, flag, integer, known, optionalCallable, options as checkOptions, text } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, type System, systemOf } from '../system/system.ts'
import { type Atom, AtomName, makeAtom } from './atom.ts'
import { reportLosses } from './lost-updates.ts'
import type { AtomOptions, TimeSource } from './types.ts'

const OPTIONS = ['equals', 'baseVersion', 'historySize', 'warnOnLostUpdate', 'onError', 'name', 'system']
const MOST_HISTORY = 2 ** 24

const isTimeSource = (value: object): value is TimeSource => typeof fieldOf(value, 'now') === 'function'

/**
 * Creates an atom of this thread. Its values stay what they are: nothing is copied or frozen.
 *
 * A commit's time is never earlier than a time that was read from its clock before it. Commits of one uninterrupted
 * run of JavaScript may share a reading of the system clock; a controlled clock and a clock of your own are read
 * once a commit.
 *
 * @param initial The first value, with version `baseVersion`.
 * @param clockOrOptions Where commit times come from, or the options. Default: the clock of the default system.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * const balance = createAtom(100)
 * balance.watch(({ from, to, cause }) => console.log(from, '->', to, cause))
 * balance.swap((amount) => amount - 30, { cause: 'coffee' })
 * ```
 */
export function createAtom<T>(initial: T, options?: AtomOptions<NoInfer<T>>): Atom<T>
export function createAtom<T>(initial: T, clock: TimeSource | undefined, options?: AtomOptions<NoInfer<T>>): Atom<T>
export function createAtom<T>(
  initial: T,
  clockOrOptions?: TimeSource | AtomOptions<T>,
  second?: AtomOptions<T>,
): Atom<T> {
  const clock = isClockGiven(clockOrOptions) ? clockOrOptions : undefined
  const settings = checkOptions('options', clock === undefined && second === undefined ? clockOrOptions : second)
  const options = settings as AtomOptions<T>
  known('options', options, OPTIONS)
  optionalCallable('options.equals', options.equals)
  optionalCallable('options.onError', options.onError)
  if (options.baseVersion !== undefined) integer('options.baseVersion', 0, 2 ** 52, options.baseVersion)
  if (options.name !== undefined) text('options.name', options.name)
  if (options.historySize !== undefined) integer('options.historySize', 1, MOST_HISTORY, options.historySize)
  const warns = flag('options.warnOnLostUpdate', false, options.warnOnLostUpdate)
  if (options.system !== undefined) assertSystem('options.system', options.system)
  const system = clock === undefined ? (options.system ?? getDefaultSystem()) : options.system
  const time = clock ?? (system as System).clock
  const { name } = options
  const lister = system ?? (time instanceof BaseClock ? systemOf(time) : undefined)
  const listing = name === undefined || lister === undefined ? lister : new AtomName(lister, name)
  const atom = makeAtom(initial, time, ownerFor(time, options.onError, system), options, listing)
  if (system?.trail.isOn === true) auditAtom(atom, system)
  return warns ? reportLosses(atom) : atom
}

/** The number of atoms whose commits each system's journals have. */
const audited = new WeakMap<System, number>()

/** Writes commits of an atom to the journals of its system: the version and the cause, never the value. */
function auditAtom<T>(atom: Atom<T>, system: System): void {
  const number = (audited.get(system) ?? 0) + 1
  audited.set(system, number)
  atom.watch(({ versionTo: version, cause }) => {
    const event = { atom: `atom_${number}`, version, ...(cause !== undefined && { cause: textOf(cause) }) }
    system.trail.write(event, 'atom:commit')
  })
}

function isClockGiven<T>(value: TimeSource | AtomOptions<T> | undefined): value is TimeSource {
  if (typeof value !== 'object' || value === null) {
    if (value === undefined) return false
    throw new InvalidArgumentError('clock', 'a Clock', value)
  }
  return isTimeSource(value)
}

function ownerFor(clock: TimeSource, onError: ErrorOwner | undefined, system: System | undefined): ErrorOwner {
  if (onError !== undefined) return (error, origin) => tellOwner(onError, error, origin)
  if (system !== undefined) return (error, origin) => system.report(error, origin)
  return clock instanceof BaseClock ? (error, origin) => clock.report(error, origin) : warnOwner
}
