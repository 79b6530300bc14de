import { describe, expect, test } from 'vitest'

import { rules } from './rules.ts'
import type { Source } from './source.ts'

type Rule = keyof typeof rules
type Tree = Record<string, string>

const check = (rule: Rule, tree: Tree): string[] => {
  const sources: Source[] = Object.entries(tree).map(([path, text]) => ({ path, text }))
  return rules[rule](sources)
}

const planted: [Rule, string, Tree][] = [
  ['time and chance come from the system', 'Date.now', { 'js/atrion/gate.ts': 'const t = Date.now()' }],
  ['time and chance come from the system', 'Date.now by globalThis', { 'js/a.ts': 'globalThis.Date.now()' }],
  ['time and chance come from the system', 'Math.random', { 'js/a.ts': 'x = Math.random()' }],
  ['time and chance come from the system', 'setTimeout', { 'js/express/a.ts': 'setTimeout(f, 1)' }],
  ['time and chance come from the system', 'setInterval as a value', { 'js/a.ts': 'const f = setInterval' }],
  ['time and chance come from the system', 'performance.now', { 'js/a.ts': 'performance.now()' }],
  ['time and chance come from the system', 'new Date()', { 'js/a.ts': 'const d = new Date()' }],
  ['time and chance come from the system', 'a template', { 'js/a.ts': 'const d = `at ${Date.now()}`' }],
  ['time and chance come from the system', 'node:timers', { 'js/a.ts': "import * as t from 'node:timers/promises'" }],
  ['time and chance come from the system', 'node:crypto', { 'js/a.ts': "const c = require('crypto')" }],
  [
    'time and chance come from the system',
    'chance beside a digest',
    { 'js/a.ts': "import { createHash, randomInt } from 'node:crypto'" },
  ],
  ['the core does not know Node', 'use napi', { 'src/core/clock/mod.rs': 'use napi::Env;' }],
  ['the core does not know Node', 'a derive', { 'src/core/a.rs': '#[napi]\nfn f() {}' }],
  ['the core does not know Node', 'the binding', { 'src/core/a.rs': 'use crate::binding::hot;' }],
  ['one file imports each addon', 'an import', { 'js/clock/a.ts': "import x from '../../native/binding.js'" }],
  ['one file imports each addon', 'a type', { 'js/a.ts': "import type { H } from '../native/hot.js'" }],
  ['one file imports each addon', 'require', { 'js/a.ts': "require('./x.node')" }],
  [
    'numbers that cross have names',
    'a place',
    { 'js/atom/a.ts': "import { scratch } from '../native.ts'\nf(scratch[2])" },
  ],
  [
    'numbers that cross have names',
    'a place of a step',
    { 'js/actor/a.ts': "import { hot } from '../native.ts'\nf(steps[at + 3])" },
  ],
  [
    'numbers that cross have names',
    'a code',
    { 'js/atom/a.ts': "import { hot } from '../native.ts'\nif (hot.engineDone() === -2) f()" },
  ],
  ['numbers that cross have names', 'an arm', { 'src/binding/a.rs': 'match code {\n    4 => f(),\n}' }],
  ['values of others are read in one place', 'a thrown one', { 'js/a.ts': 'if (thrown instanceof Error) f()' }],
  ['values of others are read in one place', 'its text', { 'js/a.ts': 'f(String(error))' }],
  [
    'values of others are read in one place',
    'a thenable',
    { 'js/a.ts': "if (typeof (value as X).then === 'function') f()" },
  ],
  ['values of others are read in one place', 'its `then`', { 'js/a.ts': 'if (value?.then !== undefined) f()' }],
  ['imports run one way', 'a primitive and a service', { 'js/clock/a.ts': "import { g } from '../atrion/gate.ts'" }],
  ['imports run one way', 'a service and an adapter', { 'js/atrion/a.ts': "export * from '../express/index.ts'" }],
  ['imports run one way', 'the base and a primitive', { 'js/errors.ts': "import type { C } from './clock/clock.ts'" }],
  ['imports run one way', 'a folder without a layer', { 'js/novel/a.ts': 'export const a = 1' }],
  ['no import cycles', 'itself', { 'js/clock/a.ts': "import './a.ts'" }],
  ['no import cycles', 'two', { 'js/clock/a.ts': "import { b } from './b.ts'", 'js/clock/b.ts': "import './a.ts'" }],
  [
    'no import cycles',
    'three, with a type',
    {
      'js/clock/a.ts': "import { b } from './b.ts'",
      'js/clock/b.ts': "import type { C } from './c.ts'",
      'js/clock/c.ts': "export { a } from './a.ts'",
    },
  ],
  [
    'no import cycles',
    'folders',
    { 'js/clock/a.ts': "import '../system/x.ts'", 'js/system/y.ts': "import '../clock/b.ts'" },
  ],
  [
    'no import cycles',
    'two modules of Rust',
    { 'src/core/x/a.rs': 'use super::b::B;', 'src/core/x/b.rs': 'use crate::core::x::a::{A, C as D};' },
  ],
  [
    'no import cycles',
    'three modules, by the names that their folder exports',
    {
      'src/core/x/mod.rs': 'mod a;\nmod b;\nmod c;\npub use a::{A, A2};\npub(crate) use b::B;',
      'src/core/x/a.rs': 'use super::B;',
      'src/core/x/b.rs': 'fn f() { super::c::g() }',
      'src/core/x/c.rs': 'use super::{A2 as Other};',
    },
  ],
  [
    'no import cycles',
    'a folder and its child',
    { 'src/core/x/mod.rs': 'mod a;\nuse a::A;\nstruct B;', 'src/core/x/a.rs': 'use super::B;' },
  ],
  [
    'no import cycles',
    'two folders of the core',
    {
      'src/core/x/a.rs': 'use crate::core::y::{b::{self, B}};',
      'src/core/y/b.rs': 'struct B;',
      'src/core/y/c.rs': 'use crate::core::x::d::D;',
      'src/core/x/d.rs': 'struct D;',
    },
  ],
  [
    'no import cycles',
    'a folder of the binding and a file',
    {
      'src/binding/env/a.rs': 'use crate::binding::clock::Clocks;',
      'src/binding/env/b.rs': 'struct B;',
      'src/binding/clock.rs': 'use super::env::b::B;\nstruct Clocks;',
    },
  ],
  [
    'a type name is declared once',
    'in Rust',
    { 'src/core/a.rs': 'pub struct Gate;', 'src/core/b/c.rs': 'type Gate = u32;' },
  ],
  [
    'a type name is declared once',
    'in TypeScript',
    { 'js/a.ts': 'export interface Gate {}', 'js/b/c.ts': 'export abstract class Gate {}' },
  ],
  ['files stay short', '501 lines', { 'src/core/a.rs': '\n'.repeat(501) }],
  ['exceptions have reasons', 'rust', { 'src/a.rs': '#[allow(dead_code)]\nfn f() {}' }],
  ['exceptions have reasons', 'rust, whole file', { 'src/a.rs': '#![expect(unused)]' }],
  ['exceptions have reasons', 'Cargo.toml', { 'Cargo.toml': '[lints.clippy]\nfloat_cmp = "allow"' }],
  ['exceptions have reasons', 'oxlint', { 'js/a.ts': '// oxlint-disable-next-line no-console' }],
  ['exceptions have reasons', 'oxlint config', { '.oxlintrc.json': '{\n "no-console": "off"\n}' }],
  ['exceptions have reasons', 'ts-ignore', { 'js/a.ts': '// @ts-ignore: because' }],
  ['exceptions have reasons', 'ts-expect-error', { '__test__/a.ts': '// @ts-expect-error' }],
]

describe('a planted fault is found', () => {
  test.each(planted)('%s: %s', (rule, _, tree) => {
    expect(check(rule, tree)).toHaveLength(1)
  })
})

const innocent: [Rule, string, Tree][] = [
  ['time and chance come from the system', 'a digest', { 'js/a.ts': "import { createHash } from 'node:crypto'" }],
  ['time and chance come from the system', 'the host file', { 'js/clock/host.ts': 'setTimeout(f, Date.now())' }],
  ['time and chance come from the system', 'entropy', { 'js/system/entropy.ts': 'Math.random()' }],
  ['time and chance come from the system', 'a comment', { 'js/a.ts': '// unlike Date.now()\n/* setTimeout */' }],
  ['time and chance come from the system', 'a string', { 'js/a.ts': "throw new Error('use no setTimeout')" }],
  ['time and chance come from the system', 'a given date', { 'js/a.ts': 'new Date(wallMs); clock.setTimeout(1)' }],
  ['time and chance come from the system', 'tests', { '__test__/a.test.ts': 'Date.now()' }],
  ['the core does not know Node', 'prose', { 'src/core/mod.rs': '//! No napi here.\nconst A: &str = "napi";' }],
  ['the core does not know Node', 'the binding itself', { 'src/binding/a.rs': 'use napi::Env;' }],
  ['one file imports each addon', 'the seam', { 'js/native.ts': "require('../native/binding.js')" }],
  ['one file imports each addon', 'the other seam', { 'js/dashboard/addon.ts': "import '../native/dashboard.js'" }],
  ['one file imports each addon', 'over the seam', { 'js/clock/a.ts': "import { hot } from '../native.ts'" }],
  [
    'numbers that cross have names',
    'a name',
    { 'js/atom/a.ts': "import { hot } from '../native.ts'\nscratch[NOW] = 5" },
  ],
  [
    'numbers that cross have names',
    'yes',
    { 'js/atom/a.ts': "import { hot } from '../native.ts'\nreturn hot.timerCancel(id) === 1" },
  ],
  [
    'numbers that cross have names',
    'none',
    { 'js/atom/a.ts': "import { hot } from '../native.ts'\nif (hot.engineDone() < 0) f()" },
  ],
  ['numbers that cross have names', 'the file itself', { 'js/protocol/a.ts': '  return { at: cells[3] as number }' }],
  ['numbers that cross have names', 'the core', { 'src/core/a.rs': 'match byte {\n    4 => f(),\n}' }],
  ['imports run one way', 'down', { 'js/express/a.ts': "import { g } from '../atrion/gate.ts'" }],
  ['imports run one way', 'the barrel', { 'js/index.ts': "export * from './atrion/index.ts'" }],
  ['imports run one way', 'a sister', { 'js/system/a.ts': "import { c } from '../clock/clock.ts'" }],
  ['no import cycles', 'a diamond', { 'js/a.ts': "import './b.ts'\nimport './c.ts'", 'js/b.ts': "import './c.ts'" }],
  [
    'no import cycles',
    'names that a folder exports',
    {
      'src/core/x/mod.rs': 'mod a;\nmod b;\nmod tests;\npub use a::A;\npub use b::B;',
      'src/core/x/a.rs': 'use super::B;\n#[cfg(test)]\nmod tests {\n    use super::super::b::B;\n}',
      'src/core/x/b.rs': '//! See super::a::A.\nstruct B;',
      'src/core/x/tests.rs': 'use super::*;',
    },
  ],
  [
    'a type name is declared once',
    'types of tests, of a trait, and of both languages',
    {
      'src/core/a.rs': 'struct Gate;\n#[cfg(all(test, not(loom)))]\nmod tests;',
      'src/core/a/tests.rs': 'struct Gate;',
      'src/core/b.rs': 'impl P for X {\n    type Gate = X;\n}\nmod tests {\n    struct Gate;\n}',
      'js/a.ts': 'interface Gate {}',
    },
  ],
  ['files stay short', '500 lines', { 'src/core/a.rs': '\n'.repeat(500) }],
  ['exceptions have reasons', 'rust', { 'src/a.rs': '#[expect(dead_code, reason = "a test hook")]' }],
  ['exceptions have reasons', 'Cargo.toml', { 'Cargo.toml': '# Times are compared.\nfloat_cmp = "allow"' }],
  ['exceptions have reasons', 'oxlint', { 'js/a.ts': '// oxlint-disable-next-line no-console -- the point' }],
  ['exceptions have reasons', 'ts', { '__test__/a.ts': '// @ts-expect-error: a number is refused' }],
]

describe('what only looks like a fault is not', () => {
  test.each(innocent)('%s: %s', (rule, _, tree) => {
    expect(check(rule, tree)).toEqual([])
  })
})
