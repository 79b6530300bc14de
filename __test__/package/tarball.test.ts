import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { neededVersions } from '../../scripts/lib/elf.mjs'
import { entries } from '../../scripts/lib/entries.mjs'
import { mainManifest, missingPlatforms, platformManifest } from '../../scripts/lib/pack.mjs'
import { addons, beside, fileOf, here, mainAddons, packageOf, platforms } from '../../scripts/lib/platforms.mjs'
import { binaryProblem } from '../../scripts/lib/release.mjs'
import { createUserFolder, environmentOf, type UserFolder } from '../support/user-folder.ts'

/** The addon with the core, without which keelson does not load. */
const addon = addons[0] as (typeof addons)[number]
const platform = here()
const platformPackage = packageOf(addon, platform)

let user: UserFolder
let home = ''
let modules = ''
let files: string[] = []
beforeAll(async () => {
  user = await createUserFolder()
  home = user.home
  modules = join(home, 'node_modules')
  const list = execFileSync('tar', ['-tzf', user.tarballs[0] as string], { encoding: 'utf8' })
  files = list.trim().split('\n')
})
afterAll(() => user.remove())

/** Node and nothing that builds. */
const environment = environmentOf(dirname(process.execPath))

/** Runs a file with this code in the user's folder. Returns what it prints. */
const runs = (file: string, code: string): string =>
  execFileSync(process.execPath, [user.write(file, code)], { cwd: home, env: environment, encoding: 'utf8' })

/** Loads keelson in the user's folder. Returns the error that it throws, as JSON. */
function failure(env: NodeJS.ProcessEnv = {}): Record<string, unknown> {
  const code = `try { require('keelson'); console.log('{}') } catch (error) {
    const { code, message, platform, libc, expected, actual } = error
    const reason = error.cause?.message
    console.log(JSON.stringify({ code, message, platform, libc, expected, actual, package: error.package, reason }))
  }`
  user.write('fails.cjs', code)
  const { stdout } = spawnSync(process.execPath, ['fails.cjs'], {
    cwd: home,
    env: { ...environment, ...env },
    encoding: 'utf8',
  })
  return JSON.parse(stdout) as Record<string, unknown>
}

// An adapter's peer may be absent: only its own entry may miss it.
const names = entries().map(({ subpath }) => (subpath === '.' ? 'keelson' : `keelson/${subpath.slice(2)}`))

describe('the packages', () => {
  test('the main package holds what it needs and nothing else', () => {
    const paths = files.map((file) => file.slice('package/'.length))
    const allowed =
      /^(?:dist\/.*\.(?:m?js|d\.m?ts)$|docs\/|index\.d\.m?ts$|native\/\w+\.d\.ts$|package\.json$|(?:README|ARCHITECTURE|CHANGELOG|CODE_OF_CONDUCT|CONTRIBUTING|SECURITY|THIRD-PARTY)\.md$|LICENSE$|llms\.txt$)/
    expect(paths.filter((file) => !allowed.test(file))).toEqual([])
    const needed = [
      'LICENSE',
      'THIRD-PARTY.md',
      'README.md',
      'llms.txt',
      'docs/README.md',
      'index.d.ts',
      'dist/index.js',
    ]
    expect(paths).toEqual(expect.arrayContaining(needed))
  })

  test('each link of a packed page leads to a packed file, or to the repository', () => {
    const pages = files.map((file) => file.slice('package/'.length)).filter((path) => path.endsWith('.md'))
    const links = pages.flatMap((page) =>
      Array.from(readFileSync(join(modules, 'keelson', page), 'utf8').matchAll(/\]\(([^)#\s]+)/g), ([, link]) => ({
        page,
        link: link as string,
      })),
    )
    const relative = links.filter(({ link }) => !/^\w+:/.test(link))
    expect(relative.length).toBeGreaterThan(100)
    expect(relative.filter(({ page, link }) => !existsSync(join(modules, 'keelson', dirname(page), link)))).toEqual([])
    const repository = 'https://github.com/keelson/keelson/blob/v'
    const outside = links
      .filter(({ link }) => link.startsWith(repository))
      .map(({ link }) => link.slice(repository.length))
    expect(outside.length).toBeGreaterThan(5)
    const sources = outside.map((link) => link.replace(/^[^/]+\//, ''))
    expect(sources.filter((path) => !existsSync(join(import.meta.dirname, '..', '..', path)))).toEqual([])
  })

  test('the main package asks for every platform package in its own version', () => {
    const manifest = JSON.parse(readFileSync(join(modules, 'keelson', 'package.json'), 'utf8')) as {
      version: string
      optionalDependencies: Record<string, string>
      scripts?: unknown
    }
    expect(manifest.scripts).toBeUndefined()
    expect(missingPlatforms(manifest)).toEqual([])
    expect(Object.keys(manifest.optionalDependencies)).toHaveLength(platforms().length * mainAddons.length)
    expect(manifest).toEqual(mainManifest())
  })

  test('a publish of the checkout itself is refused', () => {
    const script = join(import.meta.dirname, '..', '..', 'scripts', 'prepublish.mjs')
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' })
    expect(status).not.toBe(0)
    expect(stdout + stderr).toContain(`@keelson/binding-${platform.build}`)
  })

  test.each(mainAddons)('the platform package of $file says where it runs, and holds the binaries', (one) => {
    const folder = join(modules, packageOf(one, platform))
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toEqual(
      expect.objectContaining(JSON.parse(JSON.stringify(platformManifest(one, platform)))),
    )
    expect(readdirSync(folder).toSorted()).toEqual(
      [
        'LICENSE',
        'README.md',
        'THIRD-PARTY.md',
        ...beside(one).map((each) => fileOf(each, platform)),
        'package.json',
      ].toSorted(),
    )
  })
})

// The linkers run on Linux x64. A binary of another machine is linked with its own glibc, and is not published from there.
const isLinkedForOld = platform.target === 'x86_64-unknown-linux-gnu' && process.env['KEELSON_LINKER'] === undefined
test.runIf(isLinkedForOld).each(addons)('on Linux x64, $file asks for no newer glibc than Node itself', (one) => {
  const path = join(modules, packageOf(one, platform), fileOf(one, platform))
  expect(neededVersions(readFileSync(path)).length).toBeGreaterThan(0)
  expect(binaryProblem(platform, path)).toBeUndefined()
})

describe('an installation without a compiler', () => {
  test.each(names)('%s can be required and imported, as one module', (name) => {
    const both = `import { createRequire } from 'node:module'
      const cjs = createRequire(import.meta.url)('${name}')
      const esm = await import('${name}')
      console.log(Object.keys(cjs).every((key) => esm[key] === cjs[key]))`
    expect(runs('both.mjs', both).trim()).toBe('true')
    expect(runs('only.cjs', `console.log(typeof require('${name}'))`).trim()).toBe('object')
  })

  test('the core works', () => {
    const code = `import { createControlledClock } from 'keelson/clock'
      const clock = createControlledClock()
      const slept = clock.sleep(1000).then(() => console.log(clock.monoMs()))
      await clock.advance(1000)
      await slept`
    expect(runs('core.mjs', code).trim()).toBe('1000')
  })

  test('the command finds the addon of the dashboard', () => {
    const bin = join(modules, '.bin', 'keelson')
    // Without a service there is nothing to show, which the addon is not asked for; an address is its to check.
    const { status, stderr } = spawnSync(process.execPath, [bin, 'top', 'https://127.0.0.1'], {
      env: environment,
      encoding: 'utf8',
    })
    expect([status, stderr]).toEqual([3, expect.stringContaining('https is not spoken')])
  })

  test('the command runs', () => {
    const bin = join(modules, '.bin', 'keelson')
    const { stdout, status } = spawnSync(process.execPath, [bin, '--help'], { env: environment, encoding: 'utf8' })
    expect([status, stdout]).toEqual([0, expect.stringContaining('keelson journal cat')])
  })
})

describe('a platform without its binary', () => {
  const folder = (): string => join(modules, platformPackage)
  const aside = (): string => join(home, 'aside')

  /** Runs a check while the platform package is something else. */
  function withPackage(change: (folder: string) => void, check: () => void): void {
    renameSync(folder(), aside())
    try {
      change(folder())
      check()
    } finally {
      rmSync(folder(), { recursive: true, force: true })
      renameSync(aside(), folder())
    }
  }

  test('left out (--omit=optional, or a lockfile of another system): the error names the package', () => {
    withPackage(
      () => {},
      () => {
        const error = failure()
        expect(error).toMatchObject({
          code: 'KEELSON_BINDING_MISSING',
          platform: `${process.platform}-${process.arch}`,
          package: platformPackage,
        })
        expect(error['libc']).toBe(platform.libc)
        expect(error['message']).toContain('optional dependencies')
      },
    )
  })

  test('without the file of the dashboard: only the dashboard fails, and names the package', () => {
    const dashboard = addons.find(({ file }) => file === 'keelson-dashboard') as (typeof addons)[number]
    withPackage(
      (part) => {
        cpSync(aside(), part, { recursive: true })
        rmSync(join(part, fileOf(dashboard, platform)))
      },
      () => {
        expect(failure()).toEqual({})
        const bin = join(modules, '.bin', 'keelson')
        const top = spawnSync(process.execPath, [bin, 'top', 'http://127.0.0.1'], {
          env: environment,
          encoding: 'utf8',
        })
        expect([top.status, top.stderr]).toEqual([
          3,
          expect.stringContaining(`the package ${platformPackage} is missing`),
        ])
      },
    )
  })

  test('broken: the error has the reason of the system', () => {
    withPackage(
      (broken) => {
        cpSync(aside(), broken, { recursive: true })
        writeFileSync(join(broken, fileOf(addon, platform)), 'no library')
      },
      () => {
        const error = failure()
        expect(error).toMatchObject({ code: 'KEELSON_BINDING_MISSING', package: platformPackage })
        expect(error['message']).toContain(error['reason'])
        expect(error['reason']).toContain(fileOf(addon, platform))
      },
    )
  })

  test('of another version: the error names both', () => {
    withPackage(
      (other) => {
        mkdirSync(other, { recursive: true })
        writeFileSync(join(other, 'package.json'), JSON.stringify({ name: platformPackage, main: 'other.cjs' }))
        writeFileSync(join(other, 'other.cjs'), "exports.addonVersion = () => '0.0.9'")
      },
      () => {
        expect(failure()).toMatchObject({
          code: 'KEELSON_BINDING_VERSION',
          package: platformPackage,
          expected: (mainManifest() as { version?: string }).version,
          actual: '0.0.9',
        })
      },
    )
  })

  /** Makes this process look as one on musl does: its report has no version of glibc. */
  const AS_ON_MUSL = 'process.report.getReport = () => ({ header: {} })\n'
  const onLinux = test.runIf(process.platform === 'linux')

  onLinux('on Linux with musl, without its package: the error names the package of musl', () => {
    withPackage(
      () => {},
      () => {
        user.write('musl.cjs', AS_ON_MUSL)
        expect(failure({ NODE_OPTIONS: '--require ./musl.cjs' })).toMatchObject({
          code: 'KEELSON_BINDING_MISSING',
          libc: 'musl',
          package: `@keelson/binding-linux-${process.arch}-musl`,
        })
      },
    )
  })

  onLinux('on Linux with musl: its package is loaded where npm installed no other', () => {
    const musl = join(modules, `@keelson/binding-linux-${process.arch}-musl`)
    withPackage(
      () => {
        mkdirSync(musl, { recursive: true })
        // A binary for musl does not load here, so this machine's own stands for it.
        cpSync(join(aside(), fileOf(addon, platform)), join(musl, 'musl.node'))
        writeFileSync(join(musl, 'package.json'), JSON.stringify({ name: basename(musl), main: 'musl.node' }))
      },
      () => {
        expect(failure()).toEqual({})
        rmSync(musl, { recursive: true })
      },
    )
  })

  test('an unknown platform: the error says where keelson runs', () => {
    const code = `Object.defineProperty(process, 'platform', { value: 'freebsd' })
      try { require('keelson') } catch (error) { console.log(error.code, error.package, error.message) }`
    expect(runs('freebsd.cjs', code)).toMatch(/^KEELSON_BINDING_MISSING undefined .*freebsd-\w+: it is built for Linux/)
  })

  test('a file can be named instead', () => {
    const missing = join(home, 'nothing.node')
    expect(failure({ KEELSON_BINDING_PATH: missing })['reason']).toContain(basename(missing))
    expect(failure({ KEELSON_BINDING_PATH: join(folder(), fileOf(addon, platform)) })).toEqual({})
  })
})
