/**
 * Returns a function that makes a value at its first call, and returns it: mostly a module of this package.
 *
 * A module that most programs do without is loaded so, when it is large: its code costs time only where it is used. The
 * bundler makes such a module a file of its own. It knows one form:
 * `lazy(() => require('./module.ts') as typeof Module)`, with `import type * as Module from './module.ts'`.
 */
export function lazy<T>(load: () => T): () => T {
  let loaded: T | undefined
  return () => (loaded ??= load())
}
