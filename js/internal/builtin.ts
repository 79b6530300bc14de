/** Modules of Node that only some programs need. Together they take as long to load as half of this package. */

const loaded = new Map<string, unknown>()

function load(name: string): unknown {
  if (!loaded.has(name)) loaded.set(name, process.getBuiltinModule(name))
  return loaded.get(name)
}

/** Returns a module of Node. Loads it at the first call. */
export const builtin: NodeJS.Process['getBuiltinModule'] = load as NodeJS.Process['getBuiltinModule']
