import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
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

test('the package is a few files, each once', () => {
  // Node takes a third of a millisecond for each.
  expect(chunks.length).toBeLessThanOrEqual(40)
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
    /require\("node:(?:child_process|crypto|fs\/promises|http|http2|https|net|perf_hooks|readline|stream|timers\/promises)"\)/
  expect([...texts].filter(([, text]) => late.test(text)).map(([name]) => name)).toEqual([])
})
