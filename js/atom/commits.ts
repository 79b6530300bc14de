/** Reports the commits of local atoms to the core: they are written to shared memory, and one call carries out many. */
import { instant } from '../clock/instant.ts'
import type { Instant } from '../clock/instant.ts'
import { NativePanicError } from '../errors/errors.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import { hot, native } from '../native.ts'
import {
  COMMIT_AT_MONO,
  COMMIT_AT_WALL,
  COMMIT_ATOM,
  COMMIT_CELLS,
  COMMIT_VERSION,
  COMMITS,
  KEPT_CELLS,
  KEPT_MONO,
  KEPT_VERSION,
  KEPT_WALL,
} from '../protocol/atom.ts'

const { handle: ring, commits } = native.localRing()
/** The cells of the memory that are in use, and how many may be. */
let used = 0
const FULL: number = COMMITS * COMMIT_CELLS
/** The time of the commits that follow. */
let time: Instant | undefined

const handles = new NativeHandles((atom) => hot.localClose(ring, atom))

/** Opens an atom of the core with its current version. It is closed when its owner is garbage. */
export function openAtom(owner: object, version: number, at: Instant, history: number): number {
  const atom = hot.localOpen(ring, version, at.wallMs, at.monoMs, history)
  if (atom < 0) throw new NativePanicError('no room for another atom')
  return handles.own(owner, atom)
}

/** Reports a commit. The core carries it out at the next {@link settle}, or once enough of them wait. */
export function report(atom: number, version: number, at: Instant): void {
  if (at !== time) reportTime(at)
  const cell = used
  commits[cell + COMMIT_ATOM] = atom
  commits[cell + COMMIT_VERSION] = version
  used = cell + COMMIT_CELLS
  if (used >= FULL) settle()
}

function reportTime(at: Instant): void {
  commits[used + COMMIT_ATOM] = COMMIT_AT_WALL
  commits[used + COMMIT_VERSION] = at.wallMs
  used += COMMIT_CELLS
  commits[used + COMMIT_ATOM] = COMMIT_AT_MONO
  commits[used + COMMIT_VERSION] = at.monoMs
  used += COMMIT_CELLS
  time = at
}

/** Makes the core carry out the commits that were reported. */
export function settle(): void {
  const records = used / COMMIT_CELLS
  used = 0
  if (hot.localCommit(ring, records) !== 1) throw new NativePanicError('a commit of an atom was out of order')
}

/** Makes the core carry out the commits that were reported since the last {@link settle}, all or none. */
export function settleAsOne(): void {
  const records = used / COMMIT_CELLS
  used = 0
  if (hot.localTransact(ring, records) !== 1) throw new NativePanicError('a transaction of atoms was out of order')
}

/** The version and the time of a commit. */
export interface KeptCommit {
  readonly version: number
  readonly at: Instant
}

/** Returns the commits that the core keeps of an atom, oldest first; the last one is current. */
export function keptCommits(atom: number): KeptCommit[] {
  settle()
  const kept = native.localHistory(ring, atom)
  return Array.from({ length: kept.length / KEPT_CELLS }, (_, index) => {
    const cell = index * KEPT_CELLS
    const at = instant(kept[cell + KEPT_WALL] as number, kept[cell + KEPT_MONO] as number)
    return { version: kept[cell + KEPT_VERSION] as number, at }
  })
}

/** Makes the core forget all commits of an atom but the current one. */
export function forgetCommits(atom: number): void {
  settle()
  hot.localForget(ring, atom)
}
