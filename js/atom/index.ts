/** State that cannot race: `createAtom` for one thread, `createSharedAtom` for all threads of the process. */
export { createAtom } from './atom.ts'
export { createSharedAtom } from './shared/atom.ts'
export type {
  SharedAtom,
  SharedAtomOptions,
  SharedChange,
  SharedCounter,
  SharedCounterOptions,
  SharedFlag,
  SharedFlagOptions,
  SharedHandle,
  SharedOptions,
  SharedWatchOptions,
} from './shared/types.ts'
export { sharedCounter, sharedFlag } from './shared/words.ts'
export type { Atom, AtomOptions, AtomSnapshot, Change, ChangeOptions, TimeSource, Watcher } from './types.ts'
