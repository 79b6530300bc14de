// js/ as few CommonJS files: one for each entry, and chunks with the modules that several entries share.
//
// Node takes a third of a millisecond to find and read a file, and V8 loads what another file exports at each use. In
// one file a call is direct, and a constant stands where it is used.
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { entries } from './entries.mjs'
import { at } from './paths.mjs'
import { filesIn } from './stamp.mjs'

const source = (name) => at('js', `${name}.ts`)

/**
 * The files of the bundle that have a fixed name, each with its source. `inside.js` exports to the tests what no entry
 * exports. It is not packed.
 */
function inputs() {
  const named = entries().map(({ folder }) => (folder === '.' ? 'index' : `${folder}/index`))
  const sources = Object.fromEntries([...named, 'cli/main'].map((name) => [name, source(name)]))
  return { ...sources, inside: at('__test__', 'support', 'inside-modules.ts') }
}

/** Whether a module is of the package, or a function that the compiler adds for syntax that Node 20 lacks. */
const isOfPackage = (id) => /^(?:\.|\/|[A-Za-z]:\\|\0|@oxc-project\/runtime\/)/.test(id)

/** Options of the bundle. `import('rolldown')` works only after the install, so nothing imports it at the top. */
const options = () => ({
  input: inputs(),
  platform: 'node',
  external: (id) => !isOfPackage(id),
  tsconfig: false,
  treeshake: false,
  transform: { target: 'es2023' },
  optimization: { inlineConst: { mode: 'all', pass: 3 } },
  // Two modules that need each other are a fault here; a test of the house says where.
  onLog(level, log, handle) {
    if (level === 'warn') handle('error', log)
    else handle(level, log)
  },
})

const output = {
  format: 'cjs',
  exports: 'named',
  sourcemap: true,
  // By default functions lose calls that a minifier takes for pure. `Array.isArray` throws for a revoked proxy.
  minify: false,
  comments: { annotation: true, jsdoc: false, legal: true },
  entryFileNames: '[name].js',
  // The addon is found from the folder of its loader, so chunks lie directly in dist/.
  chunkFileNames: 'chunk-[name].js',
}

/** Writes the files of the package into a folder. Removes JavaScript that earlier sources left there. */
export async function bundle(folder) {
  const { rolldown } = await import('rolldown')
  const build = await rolldown(options())
  try {
    const result = await build.write({ ...output, dir: folder })
    const written = new Set(result.output.map(({ fileName }) => join(folder, fileName)))
    const isLeft = (path) => /\.js(?:\.map)?$/.test(path) && !written.has(path)
    for (const path of filesIn(folder, isLeft)) rmSync(path)
  } finally {
    await build.close()
  }
}
