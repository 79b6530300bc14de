import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { declaredTwice, oneMeaning } from './declared-twice.ts'
import { isSource, rules, typesByName } from './rules.ts'
import type { Source } from './source.ts'

const root = join(import.meta.dirname, '..', '..')
const folders = ['src', 'dashboard', 'js', 'web', '__test__', 'examples', 'scripts', 'bench']

function paths(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((item) => {
    const path = `${folder}/${item.name}`
    if (item.isDirectory()) return item.name === 'node_modules' ? [] : paths(path)
    return isSource(path) ? [path] : []
  })
}

const tree: Source[] = ['Cargo.toml', '.oxlintrc.json', 'build.rs', ...folders.flatMap(paths)]
  // This folder's own cases are planted faults.
  .filter((path) => !path.startsWith('__test__/house/'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

describe('the house rules hold', () => {
  test.each(Object.entries(rules))('%s', (_, rule) => {
    expect(rule(tree)).toEqual([])
  })
})

test('every name on the list of those declared twice is', () => {
  const [, js] = typesByName(tree)
  const names = [...declaredTwice, ...Object.keys(oneMeaning)]
  expect(names.filter((name) => (js?.get(name)?.size ?? 0) < 2)).toEqual([])
})
