import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { root } from '../support/root.ts'

const folder = join(root, 'web')
/** The files that a server serves. Types are for the compiler. */
const files = readdirSync(folder).filter((name) => !name.endsWith('.d.ts'))
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8')
const codeOf = (name: string): string => textOf(name).replaceAll(/\/\*\*.*?\*\//g, '')

test('every file is a part of the server', () => {
  const embedded = readFileSync(join(root, 'src', 'binding', 'observe', 'page.rs'), 'utf8')
  const named = Array.from(embedded.matchAll(/^ +asset!\((?:"[^"]+", )?"([\w.-]+)"/gm), ([, file]) => file)
  expect(named.toSorted()).toEqual(files)
})

test('the page has at most 60 kB in all', () => {
  const sizes = files.map((name) => Buffer.byteLength(textOf(name)))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(60_000)
})

test("the page loads what its own origin has: a policy of default-src 'self' holds", () => {
  const html = textOf('index.html')
  const loaded = Array.from(html.matchAll(/(?:src|href)="([^"#][^"]*)"/g), ([, path]) => path ?? '')
  expect(loaded.length).toBeGreaterThan(2)
  for (const path of loaded) expect(files).toContain(/^\/assets\/([\w.-]+)$/.exec(path)?.[1])
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)/)
  for (const name of files.filter((each) => each.endsWith('.js'))) {
    for (const [, path] of codeOf(name).matchAll(/\bfrom '([^']+)'/g)) expect(files).toContain(path?.replace('./', ''))
  }
  const outside = files.filter((name) => /https?:\/\/(?!www\.w3\.org\/2000\/svg)|@import |url\(/.test(codeOf(name)))
  expect(outside).toEqual([])
})

test('nothing turns text into markup or into code', () => {
  const doors =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc|\beval\b|new Function|setHTML/
  expect(files.filter((name) => doors.test(textOf(name)))).toEqual([])
})
