// A redis-server for the tests of shared state: the machine's own, or Debian's package unpacked into .cache/redis, which
// needs no root and starts no service. Where there is none to be had, the tests that need one are skipped and say why.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { attempt } from './exec.mjs'
import { at } from './paths.mjs'

const folder = at('.cache', 'redis')
const note = join(folder, 'where.json')
const unpacked = join(folder, 'root')
// redis-tools has the program, and the others the libraries that a small system lacks.
const packages = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1']

const works = async ({ command, env }) => (await attempt(command, ['--version'], { env })).code === 0

/** Folders of shared libraries in the unpacked packages. */
function librariesIn(root) {
  const folders = []
  for (const lib of [join(root, 'usr', 'lib'), join(root, 'lib')].filter(existsSync)) {
    const inner = readdirSync(lib, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    folders.push(lib, ...inner.map(({ name }) => join(lib, name)))
  }
  return folders.join(':')
}

async function unpack() {
  if (process.platform !== 'linux')
    return { reason: `no redis-server on the PATH, and none is fetched on ${process.platform}` }
  if ((await attempt('apt-get', ['--version'])).code !== 0) {
    return {
      reason: 'no redis-server on the PATH, and no apt-get to fetch one with: install Redis 5 or later, or Valkey',
    }
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(unpacked, { recursive: true })
  let fetched = await attempt('apt-get', ['download', ...packages], { cwd: folder })
  if (fetched.code !== 0 && process.getuid?.() === 0) {
    await attempt('apt-get', ['update'])
    fetched = await attempt('apt-get', ['download', ...packages], { cwd: folder })
  }
  const archives = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  for (const archive of archives) await attempt('dpkg', ['-x', join(folder, archive), unpacked])
  const found = {
    command: join(unpacked, 'usr', 'bin', 'redis-server'),
    env: { LD_LIBRARY_PATH: librariesIn(unpacked) },
  }
  if (await works(found)) return found
  if (process.getuid?.() === 0) {
    await attempt('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'])
    const installed = { command: 'redis-server', env: {} }
    if (await works(installed)) return installed
  }
  return { reason: `apt-get could not provide redis-server: ${fetched.output.trim().split('\n').at(-1)}` }
}

/** Finds or fetches one, and writes down for the tests which, or why there is none. */
export async function provideRedis() {
  for (const command of ['redis-server', 'valkey-server']) {
    const found = { command, env: {} }
    if (await works(found)) return written(found)
  }
  const before = existsSync(note) ? JSON.parse(readFileSync(note, 'utf8')) : {}
  return written(before.command && (await works(before)) ? before : await unpack())
}

function written(where) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(note, JSON.stringify(where))
  return { note: where.reason ? `none: ${where.reason}` : where.command }
}
