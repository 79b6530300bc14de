// The programs of examples/: their names, how they are compiled, and their tests over the packed package.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { dirname, extname, join, relative } from 'node:path'

import { buildSteps } from './build-steps.mjs'
import { add, none } from './counts.mjs'
import { exclusively } from './exclusive.mjs'
import { npm, runBin } from './exec.mjs'
import { Failure } from './failure.mjs'
import { jsTests, vitestArgs } from './js-tests.mjs'
import { packHere } from './pack.mjs'
import { at } from './paths.mjs'
import { filesIn, fingerprint, whenChanged } from './stamp.mjs'
import { runAll } from './steps.mjs'

const sources = at('examples')
const compiled = at('.cache', 'examples')
const packed = at('.cache', 'packed', 'examples')

/** The names that `npm run example` knows: folders with a program. */
export const exampleNames = () => readdirSync(sources).filter((name) => existsSync(join(sources, name, 'main.mts')))

/** The path of a compiled example. */
export const mainOf = (name) => join(compiled, name, 'main.mjs')

/** Files that a program reads while it runs, such as a page for the browser. */
const isAsset = (path) => !['.mts', '.rs', '.md'].includes(extname(path))
const outputOf = (path) => join(compiled, relative(sources, path).replace(/\.mts$/, '.mjs'))

/** Compiles examples/ unless nothing that it reads has changed. Resolves with whether it had to. */
export function compileExamples() {
  const configs = readdirSync(at()).filter((name) => /^tsconfig.*\.json$|^package-lock\.json$|^index\.d/.test(name))
  const inputs = [sources, at('dist'), ...configs.map((name) => at(name))]
  const files = filesIn(sources, (path) => path.endsWith('.mts') || isAsset(path))
  const outputs = files.map(outputOf)
  return exclusively('examples', () =>
    whenChanged('examples', fingerprint(inputs), outputs, async () => {
      for (const path of filesIn(compiled)) if (!outputs.includes(path)) rmSync(path)
      await runBin('typescript', 'tsc', ['-p', at('tsconfig.examples.json')], 'The examples do not compile.')
      for (const path of files.filter(isAsset)) cpSync(path, outputOf(path))
    }),
  )
}

/** The step that compiles the examples. */
export const compileExamplesStep = { name: 'compile-examples', needs: ['esm'], run: compileExamples }

/**
 * Builds what an example needs, and runs it in this terminal. Resolves with its exit code, or with that of a failed
 * step. The addon of the terminal dashboard is needed for `--watch` alone.
 */
export async function buildAndRun(name, flags) {
  const dashboard = flags.includes('--watch') ? 'release' : 'none'
  const failed = await runAll([...buildSteps({ dashboard }), compileExamplesStep])
  if (failed !== 0) return failed
  process.stdout.write('\n')
  return runExample(name, flags)
}

/** Runs a compiled example in this terminal. Resolves with its exit code. */
function runExample(name, flags) {
  const child = spawn(process.execPath, [mainOf(name), ...flags], { stdio: 'inherit' })
  // A terminal sends SIGINT to both of us, and the program decides how it ends.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}

/** The packages that compiled modules import, without Node's own, keelson and what the runners provide. */
function importedPackages(files) {
  const found = new Set()
  for (const file of files.filter((path) => path.endsWith('.mjs'))) {
    const text = readFileSync(file, 'utf8')
    for (const [, name] of text.matchAll(/(?:\bfrom |\bimport\(|^import )'([^.'][^']*)'/gm)) {
      const [first, second] = name.split('/')
      found.add(first.startsWith('@') ? `${first}/${second}` : first)
    }
  }
  return [...found].filter((name) => !name.startsWith('node:') && name !== 'keelson' && name !== '@jest/globals')
}

const vitestConfig = `export default {
  test: {
    globals: true,
    include: ['**/*.test.mjs'],
    exclude: ['**/node_modules/**', '**/*.jest.test.mjs'],
    pool: 'forks',
    maxWorkers: ${availableParallelism()},
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
}
`
const jestConfig = `export default {
  testMatch: ['**/*.test.mjs'],
  testPathIgnorePatterns: ['/node_modules/', '\\\\.vitest\\\\.test\\\\.mjs$'],
  moduleFileExtensions: ['mjs', 'js', 'json', 'node'],
  testEnvironment: 'node',
  testTimeout: 600_000,
  transform: {},
}
`

/** Makes a user's folder: the tarballs installed, the packages of the examples linked, the compiled examples copied. */
async function installPacked() {
  const tarballs = await packHere()
  const modules = join(packed, 'node_modules')
  rmSync(packed, { recursive: true, force: true })
  mkdirSync(packed, { recursive: true })
  writeFileSync(join(packed, 'package.json'), '{ "name": "examples-of-a-user", "private": true }\n')
  const install = ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs]
  await npm(install, 'The packed package cannot be installed.', { cwd: packed })
  cpSync(compiled, packed, { recursive: true })
  for (const name of importedPackages(filesIn(compiled))) {
    const installed = at('node_modules', name)
    if (!existsSync(installed)) throw new Failure(`An example imports ${name}, which is not in devDependencies.`)
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(installed, join(modules, name), 'junction')
  }
  writeFileSync(join(packed, 'vitest.config.mjs'), vitestConfig)
  writeFileSync(join(packed, 'jest.config.mjs'), jestConfig)
}

/** The tests of examples, or of some, in both runners. */
async function exampleTests(names) {
  await installPacked()
  const folders = names.map((name) => `${name}/`)
  const where = { cwd: packed }
  const flags = [process.env.NODE_OPTIONS, '--experimental-vm-modules', '--no-warnings'].filter(Boolean).join(' ')
  const inVitest = await jsTests('vitest', vitestArgs(folders), 'The examples fail in vitest.', {
    report: 'examples-vitest',
    ...where,
  })
  // A test that fails before it closes its server must not keep jest alive.
  const jestArgs = (file) => [
    '--forceExit',
    `--maxWorkers=${availableParallelism()}`,
    '--json',
    `--outputFile=${file}`,
    ...folders,
  ]
  const inJest = await jsTests('jest', jestArgs, 'The examples fail in jest.', {
    report: 'examples-jest',
    // The models have run whole in vitest.
    env: { NODE_OPTIONS: flags, EXAMPLE_SHARE: '0.1' },
    ...where,
  })
  const results = [inVitest, inJest]
  return { counts: results.map(({ counts }) => counts).reduce(add, none), lines: results.flatMap(({ lines }) => lines) }
}

/** The step that runs the tests of the examples, or of some, in a folder of a user: packed, in vitest and in jest. */
export const examplesStep = (needs, names = []) => ({ name: 'examples', needs, run: () => exampleTests(names) })

/** The examples with tests that changed files belong to. What all share stands for every example. */
export function changedExamples(changed) {
  const tested = readdirSync(sources).filter((name) => filesIn(join(sources, name), isTest).length > 0)
  const folders = new Set(changed.filter((path) => path.startsWith('examples/')).map((path) => path.split('/')[1]))
  const all = folders.has('lib') || changed.includes('scripts/lib/examples.mjs')
  return all ? tested : tested.filter((name) => folders.has(name))
}

const isTest = (path) => path.endsWith('.test.mts')
