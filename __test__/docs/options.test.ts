/** Every option of the package stands in a table of a page, with the default that the code has. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { withBlock } from '../../scripts/lib/generated.mjs'
import { defaultOf, isOptions, optionTable, optionTypes, unitOf } from '../../scripts/lib/option-tables.mjs'
import { root } from '../support/root.ts'
import { pages } from './documented.ts'

interface Member {
  readonly name: string
  readonly isOptional: boolean
  readonly doc: string
  readonly shape: { readonly values: string[]; readonly parameters?: string[]; readonly isNumber: boolean }
}
interface OptionType {
  readonly entry: string
  readonly name: string
  readonly file: string
  readonly members: readonly Member[]
}

const types: readonly OptionType[] = optionTypes()
const textOf = (path: string): string => readFileSync(root + path, 'utf8')

const specs = pages.flatMap((page) =>
  Array.from(textOf(page).matchAll(/^<!-- generated: options (.*) -->$/gm), ([, spec]) => spec as string),
)
/** The names that have tables: `StartOptions`, `fastify RequestJournalOptions`. */
const shown = new Set(
  specs.flatMap((spec) => (spec.split(' without ')[0] as string).split(',').map((one) => one.trim())),
)

/** Types without a table of their own. */
const COVERED: Readonly<Record<string, string>> = {
  SharedOptions: 'part of the options of shared atoms, counters and flags',
}

const isShown = ({ entry, name }: OptionType): boolean => shown.has(name) || shown.has(`${entry} ${name}`)
const namesOf = ({ members }: OptionType): string[] => members.map(({ name }) => name)

describe('tables of options', () => {
  test('every exported type of options has one', () => {
    const left = types.filter((type) => {
      const isInAnother = types.some(
        (other) =>
          other.name === type.name && isShown(other) && namesOf(type).every((name) => namesOf(other).includes(name)),
      )
      return !isShown(type) && !isInAnother && !Object.hasOwn(COVERED, type.name)
    })
    expect(left.map(({ entry, name }) => `${entry} ${name}`)).toEqual([])
    expect(types.length).toBeGreaterThan(90)
    expect(Object.keys(COVERED).filter((name) => shown.has(name))).toEqual([])
  })

  test('a table has each option, its unit, its default and its meaning', () => {
    const lines = optionTable('StartOptions').split('\n')
    expect(lines[0]).toBe('| Option | Unit | Default | Meaning |')
    const names = lines.slice(2).map((line: string) => /^\| `(\w+)`/.exec(line)?.[1])
    expect(names).toEqual(namesOf(types.find(({ name }) => name === 'StartOptions') as OptionType))
    expect(lines.find((line: string) => line.startsWith('| `initTimeout`'))).toContain('| ms | 5000 |')
    expect(optionTable('RetryOptions without PolicyOptions')).not.toContain('`latencyWindowMs`')
    expect(() => optionTable('NoSuchOptions')).toThrow(/NoSuchOptions/)
  })

  test('a stale table of a page is noticed', () => {
    const page = '<!-- generated: options A -->\n\nold\n\n<!-- end: options A -->\n'
    expect(withBlock('docs/a.md', page, 'options A', () => 'new')).not.toBe(page)
  })

  test('each option says what it means', () => {
    const silent = types.flatMap((type) =>
      type.members.filter(({ doc }) => doc === '').map(({ name }) => `${type.name}.${name}`),
    )
    expect(silent).toEqual([])
  })

  test('each time has a unit', () => {
    const without = types.flatMap((type) =>
      type.members
        .filter(({ name }) => /(?:Ms|[tT]imeout|^delay)$/.test(name))
        .filter((member) => member.shape.isNumber && unitOf(member) !== 'ms')
        .map(({ name }) => `${type.name}.${name}`),
    )
    expect(without).toEqual([])
  })
})

describe('what a doc comment says', () => {
  const option = (doc: string, more: object = {}) => ({ name: 'option', doc, isOptional: true, ...more })

  test.each([
    ['A time. Default 5000.', '5000', 'A time.'],
    ['A time. Default: no bound.', 'no bound', 'A time.'],
    ["Refuses (`'reject'`, the default), or drops.", "`'reject'`", "Refuses (`'reject'`, the default), or drops."],
    ['Does. Default false. More.', '`false`', 'Does. More.'],
    ['A share. Default 0.3.', '0.3', 'A share.'],
    ['Nothing is said.', 'none', 'Nothing is said.'],
  ])('%s', (doc, value, rest) => {
    expect(defaultOf(option(doc))).toEqual({ value, rest })
  })

  test('an option that must be there is required', () => {
    expect(defaultOf(option('A name.', { isOptional: false })).value).toBe('required')
  })

  test('types of options have names that say so', () => {
    expect(['StartOptions', 'ChildSpec', 'HalfOpen'].every(isOptions)).toBe(true)
    expect(['GenServerRef', 'Clock'].some(isOptions)).toBe(false)
  })
})

const CACHES = ['CacheOptions', 'SharedCacheOptions', 'CacheMemoizeOwnOptions']
const STALE = /function window[^}]*value === 0 \? (\d+)/

/** Places of defaults that stand away from the name of their option. */
const PLACES: Readonly<Record<string, readonly [file: string, place: RegExp]>> = {
  'AwaitOptions.timeout': ['js/otp/task/wait.ts', /AWAIT_TIMEOUT = (\d+)/],
  'CacheMemoizeOwnOptions.maxSize': ['js/otp/cache.ts', /MEMOIZED = (\d+)/],
  'CallOptions.timeout': ['js/otp/gen-server/calls.ts', /CALL_TIMEOUT = (\d+)/],
  'ConsumerOptions.checkpointEvery': ['js/journal/durable/consumer.ts', /=== undefined \? (\d+) : 1/],
  'OpenFor.maxMs': ['js/policy/circuit-breaker/options.ts', /Math\.max\(([\d_]+), first\)/],
  'PhysicsConfig.scarCap': ['src/core/resistance/config.rs', /scar_cap\.unwrap_or\(([\d.]+)/],
  'RateLimitOptions.ipv6Subnet': ['js/http/client-address.ts', /DEFAULT_SUBNET = (\d+)/],
  'RateLimitOptions.limit': ['js/http/rate/options.ts', /DEFAULT_LIMIT = (\d+)/],
  'SelectOptions.beta': ['js/atrion/select-route.ts', /within\('options\.beta', ([\d.]+)/],
  'SelectOptions.explore': ['js/atrion/select-route.ts', /within\('options\.explore', ([\d.]+)/],
  'Slo.criticality': ['src/core/resistance/config.rs', /latency_criticality: ([\d.]+)/],
  'SupervisionStrategy.backoff': ['js/process/restarts.ts', /BACKOFF[^\n]*initial: (\d+)/],
  'SupervisorOptions.restartIntensity': ['js/otp/supervisor/limits.ts', /MAX_RESTARTS = (\d+)/],
}
const SHARED_PLACES: readonly (readonly [types: readonly string[], option: string, file: string, place: RegExp])[] = [
  [
    ['StartOptions', 'StateMachineOptions', 'PersistentStartOptions'],
    'initTimeout',
    'js/otp/gen-server/start.ts',
    /INIT_TIMEOUT = (\d+)/,
  ],
  [
    ['ChildSpec', 'PartitionSupervisorOptions'],
    'shutdownTimeout',
    'js/otp/supervisor/limits.ts',
    /SHUTDOWN_TIMEOUT = (\d+)/,
  ],
  [CACHES, 'staleWhileRevalidateMs', 'js/cache/options.ts', STALE],
  [CACHES, 'staleIfErrorMs', 'js/cache/options.ts', STALE],
]

function placeOf(type: string, option: string): readonly [file: string, place: RegExp] | undefined {
  const shared = SHARED_PLACES.find(([names, name]) => name === option && names.includes(type))
  return shared === undefined ? PLACES[`${type}.${option}`] : [shared[2], shared[3]]
}

const sources = ['js', 'src/core'].flatMap((folder) =>
  readdirSync(root + folder, { encoding: 'utf8', recursive: true })
    .filter((name) => /\.(?:ts|rs)$/.test(name))
    .map((name) => textOf(`${folder}/${name}`).replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')),
)

const constants = new Map<string, string>()
for (const text of sources) {
  for (const [, name, value] of text.matchAll(/\bconst (\w+)(?:: \w+)? = ([\d_.]+|2 \*\* \d+)/g))
    constants.set(name as string, value as string)
}

const asNumber = (text: string): number => Number(text.replaceAll(/[ _]/g, '').replace(/\.$/, ''))

/** The numbers that stand beside the name of an option in the sources, as its default. */
function beside(name: string): number[] {
  const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const value = String.raw`([\w.]+)`
  const patterns = [
    `\\b${name}(?:: \\w+)? = ${value}`,
    `\\b${name} \\?\\? \\(?${value}`,
    `\\b${name} === undefined\\s*\\? ${value}`,
    `\\b${name}, ${value}`,
    `\\b${name}'[^)\\n]*?, ${value}[,)]`,
    `\\b${name}: ${value}`,
    `\\b${snake}(?:_ms)?: ${value}`,
  ]
  const about = sources.filter((text) => text.includes(name) || text.includes(snake))
  return about.flatMap((text) =>
    patterns.flatMap((pattern) =>
      Array.from(text.matchAll(new RegExp(pattern, 'g')), ([, found]) =>
        asNumber(constants.get(found as string) ?? (found as string)),
      ).filter((number) => !Number.isNaN(number)),
    ),
  )
}

test('a number that a doc comment states as a default is that of the code', () => {
  const wrong: string[] = []
  let count = 0
  for (const type of types) {
    for (const member of type.members) {
      const text = /^(?:\d{1,3}(?: \d{3})+|\d+(?:\.\d+)?)(?![\d ]*[GMK]iB)/.exec(defaultOf(member).value)?.[0]
      if (text === undefined) continue
      count++
      const place = placeOf(type.name, member.name)
      const found = place === undefined ? beside(member.name) : [asNumber(place[1].exec(textOf(place[0]))?.[1] ?? '')]
      if (found.includes(asNumber(text))) continue
      wrong.push(`${type.name}.${member.name} says ${text}, and the code has ${[...new Set(found)].join(', ')}`)
    }
  }
  expect(wrong).toEqual([])
  expect(count).toBeGreaterThan(100)
})
