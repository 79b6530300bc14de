/**
 * Returns a function that loads a module of this package at its first call, and returns the module.
 *
 * A module that most programs do without is loaded so, when it is large: its code costs time only where it is used. The
 * bundler makes such a module a file of its own. It knows one form:
 * `lazy(() => require('./module.ts') as typeof Module)`, with `import type * as Module from './module.ts'`.
 */
export function lazy<Module>(load: () => Module): () => Module {
  let loaded: Module | undefined
  return () => (loaded ??= load())
}
