import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const namesIn = (path: string, pattern: RegExp): string[] =>
  Array.from(read(path).matchAll(pattern), ([, name]) => name as string)

/** Pages of rules, the folder whose tests cite them as `[name]`, and how many there are at least. */
const pages = [
  ['docs/semantics.md', 'otp', 20],
  ['docs/effect.md', 'effect', 30],
] as const

describe.each(pages)('%s', (page, folder, least) => {
  const rules = namesIn(page, /^- \*\*([\w-]+)\*\*/gm)
  const tests = readdirSync(new URL(`../${folder}`, import.meta.url)).filter((name) => name.endsWith('.test.ts'))
  const cited = new Set(tests.flatMap((name) => namesIn(`__test__/${folder}/${name}`, /\[([a-z-]+)\]/g)))

  it('has a test that bears the name of each rule', () => {
    expect(rules.length).toBeGreaterThan(least)
    expect(rules.filter((rule) => !cited.has(rule))).toEqual([])
  })

  it('has each rule once', () => {
    expect(rules.toSorted()).toEqual([...new Set(rules)].toSorted())
  })
})
