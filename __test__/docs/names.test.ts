/** Every public name is on a page, and every function of a service and member of an object on the page about it. */
import { existsSync, readFileSync } from 'node:fs'
import { type Checker, type Symbol, SymbolFlags } from 'typescript/unstable/sync'
import { describe, expect, test } from 'vitest'

import { withProject } from '../support/compiler.ts'
import { root } from '../support/root.ts'
import { entries } from '../surface/surface.ts'

/** The pages about each entry. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  atom: ['atom', 'atom-shared'],
  atrion: ['admission', 'atrion', 'policies'],
  clock: ['clock'],
  dashboard: ['dashboard'],
  effect: ['effect', 'policies'],
  express: ['express', 'atrion'],
  'fast-check': ['simulation'],
  fastify: ['fastify', 'express', 'atrion'],
  fetch: ['fetch', 'express', 'atrion'],
  journal: ['journal', 'journal-durable', 'event-store'],
  koa: ['koa', 'express', 'atrion'],
  observe: ['observability', 'web-dashboard'],
  opentelemetry: ['opentelemetry'],
  otp: [
    'cache',
    'event-bus',
    'event-store',
    'gen-server',
    'observability',
    'otp-registry',
    'rate-limiter',
    'semantics',
    'state-machine',
    'supervisor',
    'timers',
  ],
  process: ['process'],
  prometheus: ['prometheus'],
  simulation: ['simulation'],
  system: ['clock', 'semantics'],
  testing: ['testing', 'clock', 'gen-server'],
}

/** Services and objects whose members are on a page: the members of a value, or of what a class or interface makes. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  'atom Atom': ['atom'],
  'atom SharedAtom': ['atom-shared'],
  'atom SharedCounter': ['atom-shared'],
  'atom SharedFlag': ['atom-shared'],
  'atrion Atrion': ['admission', 'atrion'],
  'atrion TaskLease': ['atrion'],
  'clock ControlledClock': ['clock'],
  'effect Bulkhead': ['policies'],
  'effect CircuitBreaker': ['policies'],
  'effect Effect': ['effect'],
  'effect Keyed': ['policies'],
  'journal DurableJournal': ['journal', 'journal-durable', 'event-store'],
  'journal Journal': ['journal'],
  'otp Agent': ['otp-registry'],
  'otp Cache': ['cache'],
  'otp EventBus': ['event-bus'],
  'otp GenServer': ['gen-server'],
  'otp Limiter': ['rate-limiter'],
  'otp AlertManager': ['observability'],
  'otp Observer': ['observability'],
  'otp PartitionSupervisor': ['supervisor'],
  'otp RateLimiter': ['rate-limiter'],
  'otp Registry': ['otp-registry'],
  'otp RegistryInstance': ['otp-registry'],
  'otp StateMachine': ['state-machine'],
  'otp Supervisor': ['supervisor'],
  'otp Task': ['otp-registry'],
  'otp TimerService': ['timers'],
  'process ProcessRef': ['process'],
  'process RootSupervisor': ['process'],
  'system System': ['clock'],
  'testing Probe': ['gen-server'],
}

const textOf = (names: readonly string[]): string =>
  names.map((name) => readFileSync(`${root}docs/${name}.md`, 'utf8')).join('\n')
const isNamed = (text: string, name: string): boolean => new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(text)

const isOurs = (symbol: Symbol): boolean =>
  symbol.declarations.some(({ path }) => String(path).includes('/dist/') && !String(path).includes('/node_modules/'))

/** The names of the members that a user of a value or type sees. */
function membersOf(checker: Checker, symbol: Symbol): string[] {
  const isValue = (symbol.flags & SymbolFlags.Variable) !== 0
  const type = isValue ? checker.getTypeOfSymbol(symbol) : checker.getDeclaredTypeOfSymbol(symbol)
  if (type === undefined) return []
  return checker
    .getPropertiesOfType(type)
    .filter((member) => isOurs(member) && /^[a-zA-Z]\w*$/.test(member.name))
    .map(({ name }) => name)
}

const exported = withProject(
  'names',
  entries.map((entry) => `${root}dist/${entry}/index.d.ts`),
  ({ checker, program }) =>
    entries.flatMap((entry) => {
      const source = program.getSourceFile(`${root}dist/${entry}/index.d.ts`)
      const module = source && checker.getSymbolAtLocation(source)
      if (module === undefined) throw new Error(`${entry} has no declarations`)
      return checker.getExportsOfModule(module).map((one) => {
        const symbol = one.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one
        const key = `${entry} ${one.name}`
        return {
          entry,
          name: one.name,
          key,
          // Objects of a class come from a function, which is the name to look for.
          isValue: (symbol.flags & SymbolFlags.Value) !== 0 && (symbol.flags & SymbolFlags.Class) === 0,
          members: Object.hasOwn(MEMBERS, key) ? membersOf(checker, symbol) : [],
        }
      })
    }),
)

/** Classes of the errors, and their guards, are in errors.md by a rule of its own. */
const errors = readFileSync(`${root}docs/errors.md`, 'utf8')
const isAboutErrors = (name: string): boolean =>
  isNamed(errors, name) || (/^is\w+Error$/.test(name) && isNamed(errors, name.slice(2)))

describe('public names', () => {
  test('each entry has pages', () => {
    expect(Object.keys(PAGES).toSorted()).toEqual(entries.toSorted())
    const pages = new Set([...Object.values(PAGES).flat(), ...Object.values(MEMBERS).flat()])
    expect([...pages].filter((name) => !existsSync(`${root}docs/${name}.md`))).toEqual([])
  })

  test.each(Object.entries(PAGES))('every value of keelson/%s is on a page about it', (entry, pages) => {
    const text = textOf(pages)
    const values = exported.filter((one) => one.entry === entry && one.isValue)
    const left = values.filter(({ name }) => !isNamed(text, name) && !isAboutErrors(name))
    expect(left.map(({ name }) => name)).toEqual([])
  })

  test.each(Object.entries(MEMBERS))('every member of %s is on its page', (key, pages) => {
    const members = exported.find((one) => one.key === key)?.members ?? []
    expect(members.length).toBeGreaterThan(0)
    const text = textOf(pages)
    expect(members.filter((name) => !isNamed(text, name))).toEqual([])
  })
})
