import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { checkLicence, linkedCrates } from '../../scripts/lib/third-party.mjs'

const root = join(import.meta.dirname, '..', '..')

/** Returns the output of `cargo metadata` for crates, each with its dependencies and the kinds of those. */
function metadataOf(tree: Record<string, Record<string, (string | null)[]>>, macros: string[] = []) {
  return {
    packages: Object.keys(tree).map((name) => ({
      id: name,
      name,
      version: '1.0.0',
      targets: [{ kind: [macros.includes(name) ? 'proc-macro' : 'lib'] }],
    })),
    resolve: {
      root: 'root',
      nodes: Object.entries(tree).map(([id, dependencies]) => ({
        id,
        deps: Object.entries(dependencies).map(([pkg, kinds]) => ({ pkg, dep_kinds: kinds.map((kind) => ({ kind })) })),
      })),
    },
  }
}

test('a crate is linked when normal dependencies lead to it, and none of them is a macro', () => {
  const tree = {
    root: { b: [null], macro: [null], build: ['build'], dev: ['dev'], both: ['dev', null] },
    b: { a: [null], root: [null] },
    a: {},
    macro: { 'of-macro': [null] },
    build: { 'of-build': [null] },
    dev: { 'of-dev': [null] },
    both: { b: [null] },
    'of-macro': {},
    'of-build': {},
    'of-dev': {},
  }
  const names = linkedCrates(metadataOf(tree, ['macro'])).map(({ name }: { name: string }) => name)
  expect(names).toEqual(['a', 'b', 'both'])
})

test('a licence that asks for more than ours is refused', () => {
  for (const license of ['MIT', 'Apache-2.0 OR MIT', 'Unlicense OR MIT', 'ISC', 'BSD-3-Clause']) {
    checkLicence({ name: 'a', license })
  }
  for (const license of ['GPL-3.0-only', 'MPL-2.0', undefined]) {
    expect(() => checkLicence({ name: 'a', license })).toThrow(/^The crate a has the licence/)
  }
})

test('the page has every direct dependency of the core and the binding', () => {
  const page = readFileSync(join(root, 'THIRD-PARTY.md'), 'utf8')
  const [, section = ''] = /^\[dependencies\]\n((?:.+\n)+)/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8')) ?? []
  const direct = Array.from(section.matchAll(/^([\w-]+) =/gm), ([, name]) => name as string)
  expect(direct.length).toBeGreaterThan(0)
  const macros = new Set(['napi-derive'])
  expect(direct.filter((name) => !macros.has(name) && !page.includes(`| [${name}](`))).toEqual([])
})
