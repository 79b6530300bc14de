import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const rules = [
  ...readFileSync(new URL('../../docs/effect.md', import.meta.url), 'utf8').matchAll(/^- \*\*([\w-]+)\*\*/gm),
].map(([, name]) => name as string)
const tests = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
  .join('\n')
const cited = new Set([...tests.matchAll(/\[([a-z-]+)\]/g)].map(([, name]) => name as string))

it('has a test that bears the name of each rule', () => {
  expect(rules.length).toBeGreaterThan(30)
  expect(rules.filter((rule) => !cited.has(rule))).toEqual([])
})

it('has each rule once', () => {
  expect(rules.toSorted()).toEqual([...new Set(rules)].toSorted())
})
