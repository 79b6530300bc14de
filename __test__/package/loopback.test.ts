import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { withMeasured } from '../../scripts/lib/loopback.mjs'

const page = `## Loopback

| policy, simulated | goodput % | critical % |
| --- | --- | --- |
| none | 0.0 / 0.0 | 0.0 / 0.0 |
| breaker | 15.0 / 9.0 | 14.0 / 9.0 |
| keelson | 98.0 / 96.0 | 100 / 100 |
`
const row = (name: string, goodput: number) => ({ name, goodput, critical: goodput })

describe('the loopback section', () => {
  it('counts the pairs that the simulator tells apart and that real servers put in the same order', () => {
    const found = [row('none', 1), row('breaker', 99), row('keelson', 50)]
    expect(withMeasured(page, found)).toContain('same order: goodput 2 of 3, critical 2 of 3.')
  })

  it('replaces the last measurement and keeps the rest of the page', () => {
    const once = withMeasured(page, [row('none', 1)])
    expect(withMeasured(once, [row('none', 2)])).toBe(withMeasured(page, [row('none', 2)]))
    expect(once.startsWith(page)).toBe(true)
  })
})

describe('docs/wind-tunnel.md', () => {
  it('is the work of the full mode, not of the quick one', () => {
    const text = readFileSync(new URL('../../docs/wind-tunnel.md', import.meta.url), 'utf8')
    expect(text).toContain('Of 54 cells')
    expect(text).toContain('<!-- measured -->')
  })
})
