import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { root } from '../support/root.ts'
import { blocks, type Fault, faultsOf } from './documented.ts'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'

// Inside the package, so that its own name resolves; ignored by git.
const folder = fileURLToPath(new URL('../../.cache/docs/', import.meta.url))

const programs = blocks.filter(({ language }) => language === 'js run')
const compiled = blocks.filter(({ language }) => /^(?:js|ts)\b/.test(language) && language !== 'js peer')

/** Programs of another library, which a page compares with one of keelson. Those of development dependencies run. */
const peers = blocks.filter(({ language }) => language === 'js peer')
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { devDependencies: Record<string, string> }
const packagesOf = (code: string): string[] =>
  Array.from(code.matchAll(/ from '((?:@[\w-]+\/)?[\w-]+)/g), ([, name]) => name as string)
const installedPeers = peers.filter(({ code }) =>
  packagesOf(code).every((name) => Object.hasOwn(manifest.devDependencies, name)),
)

/** Blocks that are no code of a user's. */
const OTHERS: Readonly<Record<string, string>> = {
  'js peer': 'a program of another library',
  sh: 'commands',
  http: 'an answer',
  text: 'what a program prints',
  '': 'what a program prints',
}

/** Codes of the compiler for what has no type because nobody wrote one. JavaScript has none to write. */
const UNTYPED = new Set([7005, 7006, 7031, 7034])

/** Codes of errors for missing types, which you add when you paste a JavaScript block into TypeScript. */
const OPEN: readonly (readonly [page: RegExp, fault: RegExp, reason: string])[] = [
  [
    /README|express|koa|fetch|getting-started/,
    /Object is possibly 'null'|Property 'port' does not exist/,
    'the address of a server may be a pipe',
  ],
  [/express|journal/, /'Reducer<|'data' is of type|'boolean'/, 'a journal without a type has entries of any'],
  [
    /effect|policies/,
    /is of type 'unknown'|Property 'error' does not exist/,
    'an effect without a type fails with anything',
  ],
  [/process\.md/, /never\[\]/, 'a state that begins as an empty list has no type of items'],
  [/gen-server/, /'message' is of type 'unknown'/, 'a behaviour without types has messages of any'],
  [/otp-registry|noex/, /GenServerBehavior|No overload/, 'a behaviour on its own has no type'],
  [/otp-registry/, /'metadata' is of type 'unknown'/, 'a registry without a type has metadata of any'],
  [/supervisor/, /'ChannelListener'/, 'messages of a diagnostics channel have no type'],
  [
    /supervisor/,
    /possibly 'undefined'|type 'unknown'|No overload/,
    'a child may be away, and an event have no attempt',
  ],
]

const isOpen = ({ block, text }: Fault): boolean => OPEN.some(([page, fault]) => page.test(block) && fault.test(text))

const CRASH = /^\(node:\d+\) \[KEELSON_CRASH\].*\n(?:\s.*\n|\(Use `node.*\n)*/gm

it('finds the examples', () => {
  expect(programs.filter(({ name }) => name.startsWith('README')).length).toBeGreaterThan(1)
  expect(compiled.length).toBeGreaterThan(50)
})

it('every block runs, compiles, or is no code', () => {
  const left = blocks.filter((block) => !compiled.includes(block) && !Object.hasOwn(OTHERS, block.language))
  expect(left).toEqual([])
})

describe('pasted into TypeScript, under --strict', () => {
  const faults = faultsOf(compiled)
  const languageOf = (name: string): string => compiled.find((block) => block.name === name)?.language as string

  it.each(compiled.map(({ name }) => [name] as const))('%s says what it means', (name) => {
    const isTyped = languageOf(name) === 'ts'
    const found = faults.filter(
      (fault) => fault.block === name && (isTyped || !(UNTYPED.has(fault.code) || isOpen(fault))),
    )
    expect(found).toEqual([])
  })

  it('nothing is excused that compiles', () => {
    const unused = OPEN.filter(([page, text]) => !faults.some((one) => page.test(one.block) && text.test(one.text)))
    expect(unused).toEqual([])
  })
})

it('finds the programs of other libraries', () => {
  const libraries = new Set(installedPeers.flatMap(({ code }) => packagesOf(code)))
  expect([...libraries].toSorted()).toEqual(['cockatiel', 'express', 'express-rate-limit'])
})

it.each([...programs, ...installedPeers].map(({ name, code }) => ({ name, code })))('runs $name', ({ name, code }) => {
  mkdirSync(folder, { recursive: true })
  const file = `${folder}${name.replaceAll(/\W+/g, '-')}.mjs`
  writeFileSync(file, code)
  const child = spawnSync(process.execPath, [file], { cwd: root, encoding: 'utf8', timeout: HANG_GUARD_MS })
  expect(child.status, child.stdout + child.stderr).toBe(0)
  // A page may show a crash, which is told there.
  expect(child.stderr.replaceAll(CRASH, '')).toBe('')
})
