// Programs that tests need and npm does not have: the machine's own, or Debian's. With CI=true a test whose program is
// missing fails. Elsewhere it is skipped, and its title has the reason.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { attempt } from './exec.mjs'
import { at } from './paths.mjs'

const isCi = process.env.CI === 'true'
const isRoot = process.getuid?.() === 0

/**
 * The programs by name. `commands` are tried first, in order. `unpack` lists packages that are small enough to be
 * unpacked into .cache by anyone, which needs no root and starts no service. `install` is a package that root installs
 * with CI=true.
 */
const tools = {
  redis: {
    commands: ['redis-server', 'valkey-server'],
    // redis-tools has the program, and the others the libraries that a small system lacks.
    unpack: ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'],
    program: ['usr', 'bin', 'redis-server'],
    install: 'redis-server',
  },
  tmux: {
    commands: ['tmux'],
    unpack: ['tmux', 'libevent-core-2.1-7', 'libutempter0'],
    program: ['usr', 'bin', 'tmux'],
    install: 'tmux',
    // It does not know the usual flag.
    version: '-V',
  },
  chromium: {
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    install: 'chromium',
  },
}

const folderOf = (name) => at('.cache', 'tools', name)
const noteOf = (name) => join(folderOf(name), 'where.json')

const works = async ({ command, env }, { version = '--version' }) =>
  (await attempt(command, [version], { env })).code === 0

/** The folders of shared libraries in unpacked packages, as a search path. */
function librariesIn(root) {
  const folders = []
  for (const lib of [join(root, 'usr', 'lib'), join(root, 'lib')].filter(existsSync)) {
    const inner = readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    folders.push(lib, ...inner.map(({ name }) => join(lib, name)))
  }
  return folders.join(':')
}

/** Runs apt-get. Root fetches the list of packages and tries again where the first attempt fails. */
async function aptGet(args, options) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const call = [...args.slice(0, 1), '-o', 'DPkg::Lock::Timeout=300', ...args.slice(1)]
  const first = await attempt('apt-get', call, { ...options, env })
  if (first.code === 0 || !isRoot) return first
  await attempt('apt-get', ['update'], { env })
  return attempt('apt-get', call, { ...options, env })
}

async function unpacked(name, { unpack, program }) {
  const folder = folderOf(name)
  const root = join(folder, 'root')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  const { output } = await aptGet(['download', ...unpack], { cwd: folder })
  const archives = readdirSync(folder).filter((file) => file.endsWith('.deb'))
  for (const archive of archives) await attempt('dpkg', ['-x', join(folder, archive), root])
  return { output, found: { command: join(root, ...program), env: { LD_LIBRARY_PATH: librariesIn(root) } } }
}

/** Returns the first command of a tool that runs. */
async function onPath(tool) {
  for (const command of tool.commands) {
    const found = { command, env: {} }
    if (await works(found, tool)) return found
  }
  return undefined
}

async function fetched(name) {
  const tool = tools[name]
  const absent = `no ${tool.commands[0]} on the PATH`
  if (tool.unpack === undefined && !(isCi && isRoot)) {
    return { reason: `${absent}; \`CI=true npm test -- --only ${name}\` as root installs it on Debian` }
  }
  if ((await attempt('apt-get', ['--version'])).code !== 0) return { reason: `${absent}, and no apt-get to fetch one` }
  let output = ''
  if (tool.unpack !== undefined) {
    const result = await unpacked(name, tool)
    if (await works(result.found, tool)) return result.found
    output = result.output
  }
  if (isCi && isRoot) {
    output = (await aptGet(['install', '-y', '--no-install-recommends', tool.install])).output
    const found = await onPath(tool)
    if (found !== undefined) return found
  }
  return { reason: `${absent}, and apt-get could not provide it: ${output.trim().split('\n').at(-1)}` }
}

/** Finds or fetches a program, and writes down for the tests where it is, or why there is none. */
export async function provideTool(name) {
  const note = noteOf(name)
  const before = existsSync(note) ? JSON.parse(readFileSync(note, 'utf8')) : {}
  const isStillThere = before.command !== undefined && (await works(before, tools[name]))
  const where = (await onPath(tools[name])) ?? (isStillThere ? before : await fetched(name))
  mkdirSync(folderOf(name), { recursive: true })
  writeFileSync(note, JSON.stringify(where))
  return { note: where.reason ? `none: ${where.reason}` : where.command }
}

/** The step that provides a program. Two of them never run apt-get at the same time. */
export const toolStep = (name, needs = []) => ({ name, needs, uses: 'apt-get', run: () => provideTool(name) })
