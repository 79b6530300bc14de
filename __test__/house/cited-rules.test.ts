import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Pages of rules, and the folder whose tests cite them as `[name]`. */
const pages = [
  ['docs/semantics.md', 'otp'],
  ['docs/effect.md', 'effect'],
] as const

describe.each(pages)('%s', (page, folder) => {
  const rules = [...read(page).matchAll(/^- \*\*([\w-]+)\*\*/gm)].map(([, name]) => name as string)
  const cited = new Set(
    readdirSync(new URL(`../${folder}`, import.meta.url))
      .filter((name) => name.endsWith('.test.ts'))
      .flatMap((name) => [...read(`__test__/${folder}/${name}`).matchAll(/\[([a-z-]+)\]/g)])
      .map(([, name]) => name as string),
  )

  it('has a test that bears the name of each rule', () => {
    expect(rules.length).toBeGreaterThan(20)
    expect(rules.filter((rule) => !cited.has(rule))).toEqual([])
  })

  it('has each rule once', () => {
    expect(rules.toSorted()).toEqual([...new Set(rules)].toSorted())
  })
})
