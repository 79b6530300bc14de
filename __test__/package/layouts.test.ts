import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { attempt, bin } from '../../scripts/lib/exec.mjs'
import { packHere, platformManifest } from '../../scripts/lib/pack.mjs'
import { addons, fileOf, here, packageOf, platforms } from '../../scripts/lib/platforms.mjs'
import { packageTools, TOOLS } from '../../scripts/lib/runtimes.mjs'
import { type LoopbackRegistry, serveRegistry } from '../support/loopback-registry.ts'
import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { environmentOf } from '../support/user-folder.ts'

const OLDER = '0.0.9'
const addon = addons[0] as (typeof addons)[number]
const platform = here()
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const atEnd: (() => void)[] = []
const folder = tempDirectory((clean) => void atEnd.push(clean))
let registry: LoopbackRegistry
beforeAll(async () => {
  await packageTools()
  const tarballs = await packHere()
  registry = await serveRegistry([...olderPackages(), ...packagesOfOthers(), ...tarballs])
})
afterAll(async () => {
  await registry[Symbol.asyncDispose]()
  for (const clean of atEnd) clean()
})

const json = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
const writeJson = (path: string, value: object): void => writeFileSync(path, JSON.stringify(value))

/** Packs what `fill` puts into a folder. Returns the path of the tarball. */
function packed(name: string, fill: (home: string) => void): string {
  const home = join(folder, name, 'package')
  mkdirSync(home, { recursive: true })
  fill(home)
  const tarball = join(folder, `${name}.tgz`)
  execFileSync('tar', ['-czf', tarball, '-C', join(folder, name), 'package'])
  return tarball
}

/** The packages of the platforms that this machine is not: a package manager reads their manifests, and some more. */
const packagesOfOthers = (): string[] =>
  (platforms() as (typeof platform)[])
    .filter(({ build }) => build !== platform.build)
    .map((other) =>
      packed(other.build, (home) => writeJson(join(home, 'package.json'), platformManifest(addon, other))),
    )

/** The packages as if their version was an older one, and a package that depends on them. */
function olderPackages(): string[] {
  const main = packed('older', (home) => {
    cpSync(join(root, 'npm', 'keelson'), home, { recursive: true })
    const built = readdirSync(join(home, 'dist'), { encoding: 'utf8', recursive: true })
    const code = built.filter((name) => /\.m?js$/.test(name)).map((name) => join('dist', name))
    for (const name of ['package.json', ...code]) {
      writeFileSync(join(home, name), readFileSync(join(home, name), 'utf8').replaceAll(version, OLDER))
    }
  })
  const binding = packed('older-binding', (home) => {
    cpSync(join(root, 'npm', `binding-${platform.build}`), home, { recursive: true })
    // The version is not a text in the binary, so the package gets a main file that says another one.
    writeJson(join(home, 'package.json'), { ...json(join(home, 'package.json')), version: OLDER, main: 'older.cjs' })
    const code = `module.exports = { ...require('./${fileOf(addon, platform)}'), addonVersion: () => '${OLDER}' }`
    writeFileSync(join(home, 'older.cjs'), code)
  })
  const user = packed('user-of-older', (home) => {
    const manifest = { name: 'user-of-older', version: '1.0.0', main: 'main.cjs', dependencies: { keelson: OLDER } }
    writeJson(join(home, 'package.json'), manifest)
    writeFileSync(join(home, 'main.cjs'), "module.exports = require('keelson')\n")
  })
  return [main, binding, user]
}

/** A folder in which a package manager works, with its configuration and caches. */
interface Project {
  readonly home: string
  /** Runs a package manager. Fails when it does. */
  manager(command: string, ...args: string[]): Promise<void>
  /** Runs Node with this code. Returns what it prints. */
  node(code: string, ...flags: string[]): string
}

function createProject(): Project {
  const home = tempDirectory()
  writeJson(join(home, 'package.json'), { name: 'project', private: true })
  const env = {
    ...environmentOf(dirname(process.execPath)),
    HOME: home,
    USERPROFILE: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_STATE_HOME: join(home, 'state'),
    XDG_CONFIG_HOME: join(home, 'config'),
    CI: 'true',
    npm_config_registry: registry.url,
    npm_config_cache: join(home, 'cache'),
  }
  return {
    home,
    async manager(command, ...args) {
      const { code, output } = await attempt(process.execPath, [command, ...args], { cwd: home, env })
      expect(code, output).toBe(0)
    },
    node(code, ...flags) {
      writeFileSync(join(home, 'program.cjs'), code)
      return execFileSync(process.execPath, [...flags, 'program.cjs'], { cwd: home, env, encoding: 'utf8' }).trim()
    },
  }
}

const LOADS = `
  const { createControlledClock } = require('keelson/clock')
  const clock = createControlledClock()
  const slept = clock.sleep(1000).then(() => console.log(clock.monoMs()))
  clock.advance(1000).then(() => slept)`

const tool = (name: string, command = name): string => bin(name, command, TOOLS)
const npmCommand = (): string =>
  process.env['npm_execpath'] ??
  join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js')

describe('each package manager installs the binary that fits, and keelson finds it', () => {
  const berry = (linker: string): string =>
    [
      `nodeLinker: ${linker}`,
      `npmRegistryServer: ${registry.url}`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      'enableGlobalCache: false',
      'enableTelemetry: false',
      'enableImmutableInstalls: false',
      'npmMinimalAgeGate: 0',
      '',
    ].join('\n')

  test('npm', async () => {
    const { home, manager, node } = createProject()
    await manager(npmCommand(), 'install', 'keelson', '--ignore-scripts', '--no-audit', '--no-fund')
    expect(readdirSync(join(home, 'node_modules', '@keelson'))).toEqual([`binding-${platform.build}`])
    expect(node(LOADS)).toBe('1000')
  })

  test('pnpm, where a package sees its own dependencies alone', async () => {
    const { home, manager, node } = createProject()
    await manager(tool('pnpm'), 'add', 'keelson', '--ignore-scripts', '--store-dir', join(home, 'store'))
    expect(readdirSync(join(home, 'node_modules'))).not.toContain('@keelson')
    expect(node(LOADS)).toBe('1000')
  })

  test('yarn 1', async () => {
    const { home, manager, node } = createProject()
    const args = ['--ignore-scripts', '--non-interactive', '--cache-folder', join(home, 'cache')]
    await manager(tool('yarn'), 'add', 'keelson', '--registry', registry.url, ...args)
    expect(node(LOADS)).toBe('1000')
  })

  test('yarn 4 with node_modules', async () => {
    const { home, manager, node } = createProject()
    writeFileSync(join(home, '.yarnrc.yml'), berry('node-modules'))
    await manager(tool('@yarnpkg/cli-dist', 'yarn'), 'add', 'keelson')
    expect(node(LOADS)).toBe('1000')
  })

  test('yarn 4 without node_modules (Plug’n’Play)', async () => {
    const { home, manager, node } = createProject()
    writeFileSync(join(home, '.yarnrc.yml'), berry('pnp'))
    await manager(tool('@yarnpkg/cli-dist', 'yarn'), 'add', 'keelson')
    expect(readdirSync(home)).not.toContain('node_modules')
    expect(node(LOADS, '--require', './.pnp.cjs')).toBe('1000')
  })
})

describe('two versions in one tree', () => {
  /** Loads both versions in one process, and uses a clock of each. Prints their versions and whether they are two. */
  const BOTH = `
    const { createRequire } = require('node:module')
    const newer = require('keelson')
    const older = require('user-of-older')
    const versionOf = (from) => createRequire(from)('keelson/package.json').version
    const clocks = [newer, older].map(({ createControlledClock }) => createControlledClock())
    Promise.all(clocks.map((clock) => clock.advance(5))).then(() => {
      const versions = [versionOf(__filename), versionOf(require.resolve('user-of-older'))]
      console.log(...versions, newer !== older, ...clocks.map((clock) => clock.monoMs()))
    })`

  test.each([
    ['npm', npmCommand, ['--ignore-scripts', '--no-audit', '--no-fund'], 'install'],
    ['pnpm', () => tool('pnpm'), ['--ignore-scripts', '--store-dir', 'store'], 'add'],
  ] as const)('%s gives each its own binary', async (_, command, flags, verb) => {
    const { manager, node } = createProject()
    await manager(command(), verb, `keelson@${version}`, 'user-of-older', ...flags)
    expect(node(BOTH)).toBe(`${version} ${OLDER} true 5 5`)
  })

  test('a binary of the other version is refused, and the error names both', async () => {
    const { home, manager, node } = createProject()
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--force']
    const binding = `${packageOf(addon, platform)}@${OLDER}`
    await manager(npmCommand(), 'install', `keelson@${version}`, binding, ...flags)
    // A tool that flattens a tree, or a copy by hand, leaves the wrong one where keelson looks.
    const nested = join(home, 'node_modules', 'keelson', 'node_modules')
    expect(json(join(nested, packageOf(addon, platform), 'package.json'))['version']).toBe(version)
    execFileSync(process.execPath, ['-e', 'fs.rmSync(process.argv[1], { recursive: true })', nested])
    const code = `try { require('keelson') } catch (error) { console.log(error.code, error.expected, error.actual) }`
    expect(node(code)).toBe(`KEELSON_BINDING_VERSION ${version} ${OLDER}`)
  })
})
