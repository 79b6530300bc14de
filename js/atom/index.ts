/** State that cannot race: `createAtom` for one thread. */
export { createAtom } from './atom.ts'
export type { Atom, AtomOptions, AtomSnapshot, Change, ChangeOptions, TimeSource, Watcher } from './types.ts'
