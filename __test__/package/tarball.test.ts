import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

import { entries } from '../../scripts/lib/entries.mjs'

const root = join(import.meta.dirname, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'keelson-packed-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

/** Packs as `npm publish` would; no network is touched. */
function pack(): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', home]
  const output = execFileSync('npm', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' })
  const parsed = JSON.parse(output) as Packed[] | Record<string, Packed>
  const [packed] = Object.values(parsed)
  if (!packed) throw new Error('npm packed nothing')
  return packed
}

/** Lays the packed package and this platform's binary out as an installation would. */
function installed(): Packed {
  const packed = pack()
  const modules = join(home, 'node_modules')
  mkdirSync(modules)
  execFileSync('tar', ['-xzf', packed.filename], { cwd: home })
  cpSync(join(home, 'package'), join(modules, 'keelson'), { recursive: true })
  const binary = readdirSync(join(root, 'native')).find((name) => name.endsWith('.node')) ?? ''
  const { name, version } = {
    name: `@keelson/binding-${binary.split('.')[1]}`,
    version: (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
  }
  const platform = join(modules, name)
  mkdirSync(platform, { recursive: true })
  cpSync(join(root, 'native', binary), join(platform, binary))
  writeFileSync(join(platform, 'package.json'), JSON.stringify({ name, version, main: binary }))
  return packed
}

const packed = installed()
// An adapter's peer may be absent: only its own entry may miss it.
const names = entries().map(({ subpath }) => (subpath === '.' ? 'keelson' : `keelson/${subpath.slice(2)}`))

const runs = (file: string, code: string): string => {
  writeFileSync(join(home, file), code)
  return execFileSync(process.execPath, [file], { cwd: home, encoding: 'utf8' })
}

test('the package holds what it needs and nothing else', () => {
  const paths = packed.files.map(({ path }) => path)
  const allowed =
    /^(?:dist\/|js\/.*\.ts$|index\.d\.m?ts$|native\/(?:binding\.js|\w+\.d\.ts)$|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/
  expect(paths.filter((path) => !allowed.test(path))).toEqual([])
  expect(paths).toEqual(
    expect.arrayContaining(['LICENSE', 'index.d.ts', 'dist/index.js', 'dist/index.mjs', 'native/binding.js']),
  )
})

test.each(names)('%s can be required and imported from an installation, as one module', (name) => {
  const both = `import { createRequire } from 'node:module'
    const cjs = createRequire(import.meta.url)('${name}')
    const esm = await import('${name}')
    console.log(Object.keys(cjs).every((key) => esm[key] === cjs[key]))`
  expect(runs('both.mjs', both).trim()).toBe('true')
  expect(runs('only.cjs', `console.log(typeof require('${name}'))`).trim()).toBe('object')
})
