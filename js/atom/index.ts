/** State that cannot race: `createAtom` for one thread, `createSharedAtom` for all threads of the process. */
export { Atom } from './atom.ts'
export { createAtom } from './create-atom.ts'
export { createSharedAtom, SharedAtom } from './shared/atom.ts'
export type {
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
export { transact } from './transact.ts'
export type { AtomOptions, AtomSnapshot, Change, ChangeOptions, TimeSource, Watcher } from './types.ts'
