import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { add, cargoTest, jsReport, line, nextest } from '../../scripts/lib/counts.mjs'
import { checkGenerated, rootTypesText, withBlock } from '../../scripts/lib/generated.mjs'
import { publicNames } from '../../scripts/lib/public-names.mjs'
import { select } from '../../scripts/lib/steps.mjs'
import { nodeProblem, rustProblem } from '../../scripts/lib/toolchain.mjs'
import { esmText } from '../../scripts/lib/typescript.mjs'

describe('public names', () => {
  const read = (files: Record<string, string>) => (path: string) => files[path] ?? ''

  test('every form tsc writes is read, and export * is followed', () => {
    const files = {
      'index.d.ts': `/** export { no } */
        import { x } from './x.js';
export * from './clock/index.js';
export { a, type B, c as d } from './a.js';
export {
  e,
} from './e.js';
export type { F as G } from './f.js';
export declare const h: unique symbol, other: 1;
export declare class I {
  export: string;
}
export declare abstract class J { }
export interface K { // export { no }
}
export type L = 'export * from "nowhere"';
export declare function m(): void;
export * as n from './n.js';
export {};
`,
      'clock/index.d.ts': `export * from './deep.js';\nexport declare function now(): number;\n`,
      'clock/deep.d.ts': `export * from './index.js';\nexport declare const deep = 1;\nexport { default } from './x.js';\n`,
    }
    const names = publicNames('index.d.ts', read(files))
    expect(names).toEqual(['B', 'G', 'I', 'J', 'K', 'L', 'a', 'd', 'deep', 'e', 'h', 'm', 'n', 'now'])
  })

  test.each([
    'export = thing;',
    'export default class {}',
    'export import a = b.c;',
    'export declare const { a, b }: C;',
  ])('an export it cannot read is refused: %s', (text) => {
    expect(() => publicNames('index.d.ts', read({ 'index.d.ts': text }))).toThrow(/cannot read/)
  })

  test('types are marked, values are not', () => {
    expect(rootTypesText(['A', 'b'], ['b'])).toContain("export {\n  type A,\n  b,\n} from './dist/index.js';")
    expect(esmText(['a', 'b'])).toContain('export const { a, b } = cjs;')
  })
})

describe('generated files', () => {
  test('a stale one is named, with the command that mends it', () => {
    const files = [{ path: 'native/none.d.ts', text: () => 'fresh' }]
    expect(() => checkGenerated(files)).toThrow(/^native\/none\.d\.ts is not .* `npm run types`/)
  })

  test('a block of a page is replaced and the rest is kept', () => {
    const page = 'above\n<!-- generated: t -->\nold\n<!-- end: t -->\nbelow\n'
    const made = withBlock('docs/t.md', page, 't', () => 'new')
    expect(made).toBe('above\n<!-- generated: t -->\n\nnew\n\n<!-- end: t -->\nbelow\n')
    expect(withBlock('docs/t.md', made, 't', () => 'new')).toBe(made)
    expect(() => withBlock('docs/t.md', 'no marks', 't', () => 'new')).toThrow(/docs\/t\.md needs the lines/)
  })
})

describe('counts', () => {
  test('nextest', () => {
    const output = '     Summary [   0.1s] 5 tests run: 3 passed (1 slow), 2 failed, 4 skipped\n'
    expect(nextest(output).counts).toEqual({ passed: 3, failed: 2, skipped: 4 })
  })

  test('cargo test, over several binaries', () => {
    const one = 'test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out'
    const { counts, lines } = cargoTest(`${one}\nnoise\n${one}\n`)
    expect(counts).toEqual({ passed: 6, failed: 0, skipped: 2 })
    expect(lines).toHaveLength(2)
  })

  test('a test file that does not load is a failure', () => {
    const report = {
      numPassedTests: 2,
      numFailedTests: 0,
      numPendingTests: 0,
      testResults: [{ status: 'failed', assertionResults: [] }],
    }
    expect(jsReport(report, ' Tests  2 passed (2)\n').counts).toEqual({ passed: 2, failed: 1, skipped: 0 })
  })

  test('the last line', () => {
    const counts = { passed: 2, failed: 0, skipped: 0 }
    expect(line(counts)).toBe('2 passed, 0 failed')
    expect(line(add(counts, { passed: 0, failed: 0, skipped: 1 }))).toBe('2 passed, 0 failed, 1 skipped')
  })
})

describe('the toolchain', () => {
  test.each(['20.19.0', '20.20.2', '22.12.0', '24.0.0'])('Node %s will do', (version) => {
    expect(nodeProblem(version)).toBeUndefined()
  })

  test.each(['18.20.0', '20.18.3', '21.7.0', '22.11.0'])('Node %s gets one sentence', (version) => {
    expect(nodeProblem(version)).toMatch(/^keelson needs Node .* this is Node .*nodejs\.org\.$/)
  })

  test('a missing or an old Rust gets one sentence', () => {
    expect(rustProblem(undefined, '1.88')).toMatch(/^keelson needs a Rust toolchain .*rustup\.rs.*\.$/)
    expect(rustProblem('rustc 1.87.0 (x)', '1.88')).toMatch(/^keelson needs Rust 1\.88 or newer, and this is 1\.87\.0/)
    expect(rustProblem('rustc 1.88.0 (x)', '1.88')).toBeUndefined()
  })
})

test('a selected step brings what it needs, in order', () => {
  const run = () => undefined
  const steps = [
    { name: 'a', run },
    { name: 'b', run },
    { name: 'c', needs: ['a'], run },
  ]
  expect(select(steps, ['c']).map(({ name }: { name: string }) => name)).toEqual(['a', 'c'])
  expect(() => select(steps, ['d'])).toThrow('There is no step d; the steps are a, b, c.')
})

test('what the commands import before they install imports no package', () => {
  const folder = new URL('../../scripts/', import.meta.url)
  const files = ['lib/', ''].flatMap((below) => readdirSync(new URL(below, folder)).map((name) => `${below}${name}`))
  const imports = files
    .filter((name) => name.endsWith('.mjs'))
    .flatMap((name) => {
      const text = readFileSync(new URL(name, folder), 'utf8')
      return Array.from(text.matchAll(/^(?:import|export)\b[^'(]* from '([^']+)'/gm), ([, from]) => `${name}: ${from}`)
    })
  expect(imports.length).toBeGreaterThan(50)
  expect(imports.filter((text) => !/: (?:node:|\.)/.test(text))).toEqual([])
})
