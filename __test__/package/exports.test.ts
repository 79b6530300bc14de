import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'

import { entries, exportsMap, filesOf } from '../../scripts/lib/entries.mjs'

const root = join(import.meta.dirname, '..', '..')
const require = createRequire(import.meta.url)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>
  files: string[]
  scripts: Record<string, string>
  dependencies?: unknown
}

const nameOf = (subpath: string): string => (subpath === '.' ? 'keelson' : `keelson/${subpath.slice('./'.length)}`)
const names = entries().map(({ subpath }) => nameOf(subpath))

test('package.json exports exactly the folders of js/ that have an index', () => {
  expect(manifest.exports).toEqual(exportsMap())
})

test.each(entries())('every file of $subpath is built', (entry) => {
  const { import: esm, require: cjs } = filesOf(entry)
  const files = [esm.types, esm['node-addons'], esm.default, cjs.types, cjs.default]
  const missing = files.filter((path) => !existsSync(join(root, path)))
  expect(missing).toEqual([])
})

test.each(entries())('the two ES modules of $subpath have the same names and values', async (entry) => {
  const { import: esm } = filesOf(entry)
  const [forNode, forBundlers] = (await Promise.all(
    [esm['node-addons'], esm.default].map((path) => import(pathToFileURL(join(root, path)).href)),
  )) as [Record<string, unknown>, Record<string, unknown>]
  expect(import.meta.resolve(nameOf(entry.subpath))).toBe(pathToFileURL(join(root, esm['node-addons'])).href)
  expect({ ...forNode }).toEqual({ ...forBundlers })
})

describe.each(names)('%s', (name) => {
  test('exports the same names, and the same values, by import and by require', async () => {
    const esm = (await import(/* @vite-ignore */ name)) as Record<string, unknown>
    const cjs = require(name) as Record<string, unknown>
    expect(Object.keys(esm).toSorted()).toEqual(Object.keys(cjs).toSorted())
    for (const [key, value] of Object.entries(cjs)) expect(esm[key], key).toBe(value)
  })
})

test('internals and native files cannot be reached', () => {
  expect(() => require('keelson/internal/native')).toThrow(
    expect.objectContaining({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }),
  )
  expect(() => require('keelson/dist/native.js')).toThrow(
    expect.objectContaining({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }),
  )
})

test('the package has no runtime dependency and no install script', () => {
  expect(manifest.dependencies).toBeUndefined()
  expect(Object.keys(manifest.scripts).filter((name) => /install|prepare/.test(name))).toEqual([])
})

test('the lock names no registry', () => {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
  expect(lock).not.toContain('"resolved"')
})
