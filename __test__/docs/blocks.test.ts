/** Every code block of the documentation runs, prints what its comments say, and compiles as strict TypeScript. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { missing, RedisServer } from '../atrion/provider/redis-server.ts'
import { root } from '../support/root.ts'
import { blocks, faultsOf } from './documented.ts'
import { differences, states } from './outputs.ts'
import { compile, run } from './run.ts'

const own = blocks.filter(({ language }) => /^(?:js|ts)\b/.test(language) && language !== 'js peer')

/** Programs of another library, which a page compares with one of keelson. Those of development dependencies run. */
const peers = blocks.filter(({ language }) => language === 'js peer')
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { devDependencies: Record<string, string> }
const packagesOf = (code: string): string[] =>
  Array.from(code.matchAll(/ from '((?:@[\w-]+\/)?[\w-]+)/g), ([, name]) => name as string)
const installedPeers = peers.filter(({ code }) =>
  packagesOf(code).every((name) => Object.hasOwn(manifest.devDependencies, name)),
)

const programs = [...own, ...installedPeers]

/** Blocks that are no code of a user's, by their language. */
const OTHERS: Readonly<Record<string, string>> = {
  'js peer': 'a program of another library',
  sh: 'commands',
  http: 'an answer',
  yaml: 'the settings of another program',
  text: 'what a program prints',
  '': 'what a program prints',
}

/** Warnings that a page shows on purpose: the report of a crash, and a lost update. */
const WARNING = /^\(node:\d+\) \[KEELSON_(?:CRASH|LOST_UPDATE)\].*\n(?:\s.*\n|\(Use `node.*\n)*/gm

const REDIS = 'redis://127.0.0.1:6379'

const faults = faultsOf(own)

it('finds the blocks', () => {
  expect(programs.filter(({ name }) => name.startsWith('README')).length).toBeGreaterThan(1)
  expect(programs.length).toBeGreaterThan(50)
})

it('finds the programs of other libraries', () => {
  const libraries = new Set(installedPeers.flatMap(({ code }) => packagesOf(code)))
  expect([...libraries].toSorted()).toEqual(['cockatiel', 'express', 'express-rate-limit'])
})

it('every block runs, or is no code', () => {
  const left = blocks.filter((block) => !programs.includes(block) && !Object.hasOwn(OTHERS, block.language))
  expect(left).toEqual([])
})

describe('pasted into TypeScript, under --strict', () => {
  it.each(own.map(({ name }) => name))('%s compiles', (name) => {
    expect(faults.filter(({ block }) => block === name)).toEqual([])
  })
})

// Several at a time: each is a process, which waits more than it works.
describe.concurrent('as a program', () => {
  beforeAll(() => compile(programs.filter(({ language }) => language.startsWith('ts'))))

  const needsRedis = programs.filter(({ code }) => code.includes(REDIS))

  it.each(programs.filter((block) => !needsRedis.includes(block)).map((block) => [block.name, block] as const))(
    '%s prints what it says',
    async (_, block) => {
      const { status, stderr, printed, all } = await run(block)
      expect(status, all).toBe(0)
      // Jest reports on it.
      if (!block.language.endsWith('jest')) expect(stderr.replaceAll(WARNING, '')).toBe('')
      expect(differences(block.code, printed)).toEqual([])
    },
  )

  it.skipIf(missing !== undefined).each(needsRedis.map((block) => [block.name, block] as const))(
    `%s prints what it says, with Redis${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    async (_, block) => {
      const server = await RedisServer.start()
      try {
        const { status, printed, all } = await run(block, { [REDIS]: server.url })
        // A server that is slow to answer is reported on stderr.
        expect(status, all).toBe(0)
        expect(differences(block.code, printed)).toEqual([])
      } finally {
        await server.end()
      }
    },
  )
})

describe('a comment states an output', () => {
  test.each([
    ['70', '70', true],
    ['70: the rest', '70', true],
    ['70 (the rest)', '70', true],
    ['retry after … ms', 'retry after 59999 ms', true],
    ['[ [ 1, 2 ], [ 3 ] ]', '[\n  [ 1, 2 ],\n  [ 3 ]\n]', true],
    ['70', '71', false],
    ['70', '70 1', false],
    ['70 1', '70', false],
    ['2, 3', '2', false],
    ['it is 70', '70', false],
  ])('%s: %s', (comment, printed, isStated) => {
    expect(states(comment, printed)).toBe(isStated)
  })

  const says = (code: string, ...texts: string[]): string[] =>
    differences(
      code,
      texts.map((text, index) => ({ line: index + 1, text })),
    )

  test('in each direction', () => {
    expect(says('console.log(a) // 1\nconsole.log(b) // 2', '1', '2')).toEqual([])
    expect(says('console.log(a) // 1', '2')).toHaveLength(2)
    expect(says('console.log(a) // 1')).toHaveLength(1)
    expect(says('console.log(a)', '1')).toHaveLength(1)
    expect(says('console.log(a)\ngo() // 1', '1')).toEqual([])
    expect(says('console.log(a)\n// 1', '1')).toEqual([])
    expect(says('console.log(`// 2`)', '2')).toHaveLength(1)
  })
})
