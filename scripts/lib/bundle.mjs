// js/ as few CommonJS files: one for each entry, and chunks with the modules that they share (chunks.mjs).
//
// V8 loads what another file exports at each use. In one file a call is direct, and a constant stands where it is used.
import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { chunks, laterName } from './chunks.mjs'
import { entries } from './entries.mjs'
import { loadLate } from './late-names.mjs'
import { at } from './paths.mjs'
import { filesIn } from './stamp.mjs'

const source = (name) => at('js', `${name}.ts`)

/**
 * The files of the bundle that have a fixed name, each with its source. `inside.js` exports to the tests what no entry
 * exports. It is not packed.
 */
function inputs() {
  const named = entries().map(({ folder }) => (folder === '.' ? 'index' : `${folder}/index`))
  const sources = Object.fromEntries(named.map((name) => [name, source(name)]))
  return { ...sources, 'cli-journal': source('cli/journal'), inside: at('__test__', 'support', 'inside-modules.ts') }
}

/** The program `keelson`. It has its own copies of the modules that it uses, as those of the base load the addon. */
const PROGRAM = { cli: source('cli/main') }

/** Whether a module is of the package, or a function that the compiler adds for syntax that Node 20 lacks. */
const isOfPackage = (id) => /^(?:\.|\/|[A-Za-z]:\\|\0|@oxc-project\/runtime\/)/.test(id)

/** `require` of another module: the bundler knows an `import()`, which makes the module a file of its own. */
const LAZY = /\brequire\((?='\.{1,2}\/[^']+\.ts'\))/g

/** The same in a chunk, for a module with a file of its own. */
const LAZY_CHUNK = /Promise\.resolve\(\)\.then\(\(\) => (require\("\.[^"]+"\))\)(?!\.then)/g

const ACCESSOR =
  /Object\.defineProperty\(exports, "(\w+)", \{\s*enumerable: true,\s*get: function\s*\(\) \{\s*return (\w+);\s*\}\s*\}\);/g

/** Exports what never changes as a value: an accessor costs a closure at the start, and a call at each use. */
function exportValues(code) {
  const variables = new Set(Array.from(code.matchAll(/^let (\w+)/gm), ([, name]) => name))
  return code.replaceAll(ACCESSOR, (all, name, local) => (variables.has(local) ? all : `exports.${name} = ${local};`))
}

/** Writes letters beyond ASCII as escapes: with one of them, V8 keeps the whole file in two bytes a letter. */
const asAscii = (code) =>
  code.replaceAll(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** The entries with names that load their file when a program takes one, each with the files for which that holds. */
const LATE = {
  'index.js': (file) => !file.endsWith('/chunk-base.js'),
  'journal/index.js': (file) => file.endsWith('/chunk-durable.js'),
}

/** Decides on the chunks, once all modules are known. */
const decide = (decided) => ({
  name: 'keelson-chunks',
  buildEnd() {
    decided.chunkOf = chunks({ ids: () => [...this.getModuleIds()], of: (id) => this.getModuleInfo(id) })
  },
})

/** Makes the program load the file that the bundle of the entries has. */
const ownJournal = {
  name: 'keelson-program',
  resolveId: (name, importer) =>
    name === './journal.ts' && importer === source('cli/main') ? { id: './cli-journal.js', external: true } : null,
}

/** Finishes the files. Changes nothing that would move a line, so the source maps stay true. */
const finish = {
  name: 'keelson-files',
  transform: (code, id) => (id.endsWith('.ts') ? { code: code.replaceAll(LAZY, 'import('), map: null } : null),
  renderChunk(rendered, { fileName, imports }) {
    const needed = imports.find((name) => fileName === 'chunk-base.js' && name.endsWith('.js'))
    if (needed !== undefined) this.error(`the base needs ${needed}, which needs the base`)
    const code = asAscii(exportValues(rendered.replaceAll(LAZY_CHUNK, '$1')))
    if (code.includes('Promise.resolve().then(() => require(')) {
      this.error(`${fileName} loads a module at its first use that others load at once`)
    }
    const isLate = LATE[fileName]
    if (isLate === undefined) return { code, map: null }
    const fail = (line) => this.error(`${fileName} has a line of its own: ${line}`)
    return { code: loadLate(code, isLate, fail), map: { mappings: '' } }
  },
}

/** Options of both bundles. `import('rolldown')` works only after the install, so nothing imports it at the top. */
const options = (input, plugins) => ({
  input,
  plugins,
  platform: 'node',
  external: (id) => !isOfPackage(id),
  tsconfig: false,
  treeshake: false,
  // No chunk takes an entry's place, so entries export what their sources export.
  preserveEntrySignatures: 'allow-extension',
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
  chunkFileNames: ({ name, facadeModuleId: id }) => `${id ? laterName(id) : `chunk-${name}`}.js`,
}

/** Writes one bundle into a folder. Returns the paths of its files. */
async function write(folder, inputOptions, outputOptions) {
  const { rolldown } = await import('rolldown')
  const build = await rolldown(inputOptions)
  try {
    const result = await build.write({ ...output, ...outputOptions, dir: folder })
    return result.output.map(({ fileName }) => join(folder, fileName))
  } finally {
    await build.close()
  }
}

/** Writes the files of the package into a folder. Removes JavaScript that earlier sources left there. */
export async function bundle(folder) {
  const decided = {}
  const groups = [{ debugName: 'chunks', name: (id) => decided.chunkOf(id) }]
  const codeSplitting = { includeDependenciesRecursively: false, groups }
  const files = await write(folder, options(inputs(), [decide(decided), finish]), { codeSplitting })
  const programFiles = await write(folder, options(PROGRAM, [ownJournal, finish]), { codeSplitting: false })
  const written = new Set([...files, ...programFiles])
  const isLeft = (path) => /\.js(?:\.map)?$/.test(path) && !written.has(path)
  for (const path of filesIn(folder, isLeft)) rmSync(path)
}
