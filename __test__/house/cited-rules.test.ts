import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const namesIn = (path: string, pattern: RegExp): string[] =>
  Array.from(read(path).matchAll(pattern), ([, name]) => name as string)

const testsIn = (folder: string): string[] =>
  readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `__test__/${folder}/${name}`)

/** Pages of rules, the folders whose tests cite them as `[name]`, and the least number of rules. */
const pages = [
  ['docs/semantics.md', ['actor', 'otp'], 20],
  ['docs/effect.md', ['effect'], 30],
] as const

describe.each(pages)('%s', (page, folders, least) => {
  const rules = namesIn(page, /^- \*\*([\w-]+)\*\*/gm)
  const cited = new Set(folders.flatMap(testsIn).flatMap((path) => namesIn(path, /\[([a-z-]+)\]/g)))

  it('has a test that bears the name of each rule', () => {
    expect(rules.length).toBeGreaterThan(least)
    expect(rules.filter((rule) => !cited.has(rule))).toEqual([])
  })

  it('has each rule once', () => {
    expect(rules.toSorted()).toEqual([...new Set(rules)].toSorted())
  })
})
