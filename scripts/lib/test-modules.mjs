// Modules of __test__ for programs that are no tests: they are written in TypeScript, which Node 20 does not read.
import { pathToFileURL } from 'node:url'

import { at } from './paths.mjs'

/** Whether a module is a package, which the bundle leaves out. */
const external = (id) => id === 'keelson' || id.startsWith('keelson/') || id === 'fast-check'

/** Bundles a module of __test__, with keelson left out. Returns the path of the file. */
export async function bundleTestModule(name, ...path) {
  // Works only after the install, so nothing imports it at the top.
  const { rolldown } = await import('rolldown')
  const build = await rolldown({ input: at('__test__', ...path), external, platform: 'node', tsconfig: false })
  // In the package, so that its own name leads to its entries.
  const file = at('.cache', 'test-modules', `${name}.mjs`)
  try {
    await build.write({ format: 'esm', file })
  } finally {
    await build.close()
  }
  return file
}

/** Imports a module of __test__. */
export const importTestModule = async (name, ...path) =>
  import(pathToFileURL(await bundleTestModule(name, ...path)).href)
