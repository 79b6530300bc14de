// The programs that keelson is tried with beside the Node that runs the tests: other versions of Node, Bun and Deno. The
// npm registry has their binaries; they are kept in .cache/runtimes.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { exclusively } from './exclusive.mjs'
import { npm, run } from './exec.mjs'
import { Failure } from './failure.mjs'
import { install } from './install.mjs'
import { at } from './paths.mjs'
import { libcHere } from './platforms.mjs'

/** The versions of Node that keelson is tested with. */
export const NODES = ['20', '22', '24', '26']

/** The versions of Node of `npm test`: the oldest and the newest. */
export const NODES_OF_TEST = [NODES[0], NODES.at(-1)]

/** The runtimes beside Node, in the versions that the lists of tests left out were made for. */
export const OTHERS = ['bun', 'deno']
const BUN = '1.4.5'
const DENO = '2.9.6'

const system = process.platform === 'win32' ? 'windows' : process.platform
const bunCpu = process.arch === 'arm64' ? 'aarch64' : 'x64-baseline'
const denoSystem = process.platform === 'linux' ? '-glibc' : ''
const nodeSystem = process.platform === 'win32' ? 'win' : process.platform
const exe = process.platform === 'win32' ? '.exe' : ''

/** The npm package of a runtime, and the path of its binary in it. */
function packageOf(name) {
  if (name === 'bun') return { wanted: `@oven/bun-${system}-${bunCpu}@${BUN}`, binary: `bin/bun${exe}` }
  if (name === 'deno') {
    return { wanted: `@deno/${process.platform}-${process.arch}${denoSystem}@${DENO}`, binary: `deno${exe}` }
  }
  return { wanted: `node-${nodeSystem}-${process.arch}@${name}`, binary: `bin/node${exe}` }
}

/** Fetches a package without installing it: none of its scripts run. */
async function fetchPackage(wanted, folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await npm(['pack', wanted, '--silent', '--pack-destination', folder], `npm could not fetch ${wanted}.`)
  const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'))
  if (archive === undefined) throw new Failure(`npm fetched no archive of ${wanted}.`)
  await run('tar', ['-xzf', archive], `${wanted} could not be unpacked.`, { cwd: folder })
  rmSync(join(folder, archive))
}

/**
 * Returns the path of a runtime's binary: `'bun'`, `'deno'`, or a major version of Node. Fetches it once.
 *
 * The Node that runs this stands for its own major version. Returns `undefined` where the registry has no binary.
 */
export async function runtime(name) {
  if (process.versions.node.split('.')[0] === name) return process.execPath
  if (libcHere() === 'musl') return undefined
  const { wanted, binary } = packageOf(name)
  const folder = at('.cache', 'runtimes', wanted.replace(/^@/, '').replaceAll(/[@/]/g, '-'))
  const path = join(folder, 'package', ...binary.split('/'))
  if (existsSync(path)) return path
  await exclusively(`fetch-${name}`, async () => {
    if (existsSync(path)) return
    // Unpacked beside its place first: an interrupted fetch leaves no half of a program.
    await fetchPackage(wanted, `${folder}-new`)
    rmSync(folder, { recursive: true, force: true })
    renameSync(`${folder}-new`, folder)
  })
  return path
}

/** The folder of the compilers and bundlers that users may have, with a lock of its own. */
export const TOOLS = at('__test__', 'package', 'tools')

/** Installs them, once. Returns whether it had to. */
export const packageTools = () => exclusively('package-tools', () => install(TOOLS, 'package-tools'))

/** The step of `npm test` that fetches the runtimes of these names. */
export const runtimesStep = (names, needs) => ({
  name: 'runtimes',
  needs,
  run: async () => {
    const found = []
    for (const name of names) found.push([name, await runtime(name)])
    const missing = found.filter(([, path]) => path === undefined).map(([name]) => name)
    return { note: missing.length === 0 ? found.map(([name]) => name).join(', ') : `none of ${missing.join(', ')}` }
  },
})
