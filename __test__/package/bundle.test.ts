import { readdirSync, readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

import { entries } from '../../scripts/lib/entries.mjs'

const dist = new URL('../../dist/', import.meta.url)
const require = createRequire(import.meta.url)
const chunks = readdirSync(dist).filter((name) => name.endsWith('.js'))
const built = entries().map(({ folder }) => (folder === '.' ? 'index.js' : `${folder}/index.js`))
const texts = new Map(
  [...new Set([...chunks, ...built])].map((name) => [name, readFileSync(new URL(name, dist), 'utf8')]),
)

test('a constant of the protocol stands where it is used', () => {
  const areas = readdirSync(new URL('../../js/protocol/', import.meta.url))
  const names = areas.flatMap((area) => {
    const source = readFileSync(new URL(`../../js/protocol/${area}`, import.meta.url), 'utf8')
    return [...source.matchAll(/^export const ([A-Z][A-Z0-9_]+) = -?[\d.]+$/gm)].map(([, name]) => name as string)
  })
  expect(names.length).toBeGreaterThan(100)
  const used = names.filter((name) => [...texts.values()].some((text) => new RegExp(`[.]${name}\\b`).test(text)))
  expect(used).toEqual([])
})

/** Prints the files of the package that a program has loaded once it has required a file. */
const LOADED = `
  const { relative, sep } = require('node:path')
  require(process.argv[1])
  const loaded = Object.keys(require.cache).map((path) => relative(process.argv[2], path).split(sep).join('/'))
  console.log(JSON.stringify(loaded.filter((path) => path.endsWith('.js'))))
`

/** Returns the files of the package that an entry loads. */
function filesOf(entry: string): string[] {
  const [file, folder] = [new URL(entry, dist), dist].map((url) => fileURLToPath(url)) as [string, string]
  return JSON.parse(execFileSync(process.execPath, ['--eval', LOADED, file, folder], { encoding: 'utf8' })) as string[]
}

/** The files that an entry loads beside its own and those of the base, and the KiB of them all together. */
const LOADS: Readonly<Record<string, { chunks: readonly string[]; kib: number }>> = {
  'atom/index.js': { chunks: ['atom'], kib: 115 },
  'atrion/index.js': { chunks: ['atrion'], kib: 155 },
  'clock/index.js': { chunks: ['clock'], kib: 90 },
  'effect/index.js': { chunks: ['effect', 'rate'], kib: 260 },
  'express/index.js': { chunks: ['atrion', 'http', 'rate'], kib: 265 },
  'journal/index.js': { chunks: ['journal'], kib: 115 },
  'otp/index.js': { chunks: ['actor', 'otp', 'rate'], kib: 325 },
  'process/index.js': { chunks: ['actor', 'process'], kib: 174 },
  'system/index.js': { chunks: [], kib: 75 },
  'testing/index.js': { chunks: ['clock'], kib: 97 },
}

test.each(Object.entries(LOADS))('%s loads what it needs', (entry, { chunks: names, kib }) => {
  const files = filesOf(entry)
  expect(files.toSorted()).toEqual([entry, ...['base', ...names].map((name) => `chunk-${name}.js`)].toSorted())
  const bytes = files.reduce((sum, file) => sum + (texts.get(file) as string).length, 0)
  expect(bytes / 1024).toBeLessThanOrEqual(kib)
})

test('no entry loads what is for a first use', () => {
  const late = built.flatMap((entry) => filesOf(entry).filter((file) => file.startsWith('later-')))
  expect(late).toEqual([])
  expect(chunks.filter((name) => name.startsWith('later-')).length).toBeGreaterThan(5)
})

test('files are ASCII, which V8 keeps in one byte a letter', () => {
  // oxlint-disable-next-line no-control-regex -- the range of ASCII begins with a control letter
  expect([...texts].filter(([, text]) => /[^\0-\x7f]/.test(text)).map(([name]) => name)).toEqual([])
})

test('the package is a few files, each once', () => {
  // Node takes half a millisecond for each that a program loads.
  expect(chunks.filter((name) => !name.startsWith('later-')).length).toBeLessThanOrEqual(32)
  const classes = [...texts.values()].flatMap((text) =>
    [...text.matchAll(/\bclass (\w+Error) /g)].map(([, name]) => name),
  )
  expect(classes.filter((name, index) => classes.indexOf(name) !== index)).toEqual([])
})

test('classes keep the names of the sources', () => {
  const cut = built.flatMap((name) =>
    Object.entries(require(`../../dist/${name}`) as Record<string, unknown>)
      .filter(([, value]) => typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value)))
      .filter(([key, value]) => (value as { name: string }).name !== key)
      .map(([key, value]) => `${name}: ${key} is ${(value as { name: string }).name}`),
  )
  expect(cut).toEqual([])
})

test('the modules of Node that few programs need are loaded at their first use', () => {
  const late =
    /require\("node:(?:child_process|crypto|fs\/promises|http|http2|https|net|perf_hooks|readline|stream|timers\/promises|worker_threads)"\)/
  const early = [...texts].filter(([name]) => !name.startsWith('later-'))
  expect(early.filter(([, text]) => late.test(text)).map(([name]) => name)).toEqual([])
})

test('no entry makes Node load a large part of itself', () => {
  const code = `for (const entry of process.argv.slice(1)) require(entry); console.log(JSON.stringify(process.moduleLoadList))`
  const files = built.map((name) => fileURLToPath(new URL(name, dist)))
  const loaded = JSON.parse(
    execFileSync(process.execPath, ['--eval', code, ...files], { encoding: 'utf8' }),
  ) as string[]
  expect(loaded).toContain('NativeModule fs')
  const large = new Set(
    ['perf_hooks', 'worker_threads', 'stream', 'net', 'http', 'crypto'].map((name) => `NativeModule ${name}`),
  )
  expect(loaded.filter((name) => large.has(name))).toEqual([])
})
