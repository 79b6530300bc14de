/** Every error that a part of the package raises is in the list of errors of a page about that part. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { root } from '../support/root.ts'
import { pages } from './documented.ts'

const textOf = (path: string): string => readFileSync(root + path, 'utf8')

/** The codes, by class, of the table that comes from the core. */
const codes = new Map(
  Array.from(textOf('docs/errors.md').matchAll(/^\| `(KEELSON_\w+)` \| `(\w+)` \|/gm), ([, code, name]) => [
    name as string,
    code as string,
  ]),
)

/** The codes in the lists of errors of a page. */
const listedOn = (page: string): string[] =>
  Array.from(textOf(page).matchAll(/^<!-- generated: errors (.*) -->$/gm), ([, list]) =>
    (list as string).split(' ').map((name) => `KEELSON_${name}`),
  ).flat()

/** The parts of js/, and the pages about each. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  'js/actor': ['gen-server', 'process'],
  'js/atom': ['atom', 'atom-shared', 'troubleshooting'],
  'js/atrion': ['admission', 'atrion'],
  'js/cache': ['cache'],
  'js/clock': ['clock'],
  'js/dashboard': ['dashboard'],
  'js/effect': ['effect'],
  'js/express': ['express'],
  'js/fast-check': ['simulation'],
  'js/fastify': ['express'],
  'js/fetch': ['express'],
  'js/http': ['express'],
  'js/internal': ['troubleshooting', 'gen-server'],
  'js/journal': ['journal', 'journal-durable', 'event-store'],
  'js/koa': ['express'],
  'js/load-addon.ts': ['troubleshooting'],
  'js/native.ts': ['troubleshooting'],
  'js/node-version.ts': ['troubleshooting'],
  'js/observe': ['observability'],
  'js/opentelemetry': ['opentelemetry'],
  'js/otp/agent.ts': ['otp-registry'],
  'js/otp/cache.ts': ['cache'],
  'js/otp/event-bus': ['event-bus'],
  'js/otp/gen-server': ['gen-server'],
  'js/otp/observer': ['observability'],
  'js/otp/partition': ['supervisor'],
  'js/otp/persistence': ['event-store', 'journal-durable'],
  'js/otp/rate-limiter.ts': ['rate-limiter'],
  'js/otp/registry': ['otp-registry'],
  'js/otp/state-machine': ['state-machine'],
  'js/otp/supervisor': ['supervisor'],
  'js/otp/task': ['otp-registry'],
  'js/otp/timer-service': ['timers'],
  'js/plain': ['atom-shared', 'journal-durable'],
  'js/policy': ['policies'],
  'js/process': ['process'],
  'js/prometheus': ['prometheus'],
  'js/rate': ['rate-limiter'],
  'js/simulation': ['simulation'],
  'js/system': ['clock'],
  'js/testing': ['testing'],
}

/** Files that raise errors of their own in no page's name. */
const OTHERS: Readonly<Record<string, string>> = {
  'js/cli': 'a program: its page has the exit codes',
  'js/errors': 'the classes themselves',
  'js/protocol': 'generated: numbers of the seam',
}

const files = readdirSync(`${root}js`, { encoding: 'utf8', recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `js/${name}`)

/** The error classes that a part makes: by `new`, or in a `@throws` of its doc comments. */
function raisedIn(part: string): string[] {
  const own = files.filter((file) => file === part || file.startsWith(`${part}/`))
  const found = own.flatMap((file) =>
    Array.from(
      textOf(file).matchAll(/(?:\bnew |@throws (?:an? )?)(?:Light)?(\w+Error)\b/g),
      ([, name]) => name as string,
    ),
  )
  return [...new Set(found)].filter((name) => codes.has(name))
}

describe('lists of errors', () => {
  test.each(Object.entries(PAGES))('%s raises what its pages list', (part, names) => {
    const listed = new Set(names.flatMap((name) => listedOn(`docs/${name}.md`)))
    // Any class with a factory refuses `new`: that is on the page about faults.
    const raised = raisedIn(part).filter((name) => name !== 'PrivateConstructorError')
    const left = raised.filter((name) => !listed.has(codes.get(name) as string))
    expect(left, `add it to the errors of ${names}`).toEqual([])
  })

  test('every file of js/ belongs to a part', () => {
    const parts = [...Object.keys(PAGES), ...Object.keys(OTHERS)]
    const left = files.filter((file) => !parts.some((part) => file === part || file.startsWith(`${part}/`)))
    // Indexes and constants make no errors.
    expect(left.filter((file) => raisedIn(file).length > 0)).toEqual([])
  })

  test('every code is on a page', () => {
    const listed = new Set(pages.flatMap(listedOn))
    expect([...codes.values()].filter((code) => !listed.has(code))).toEqual([])
  })

  test('every code that a page names exists', () => {
    const sources = files.map(textOf).join('\n')
    // Warnings, and variables of the environment.
    const others = Array.from(sources.matchAll(/KEELSON_[A-Z_]+/g), ([code]) => code)
    const known = new Set([...codes.values(), ...others, 'KEELSON_PROGRAMS', 'KEELSON_LINKER'])
    const named = pages.flatMap((page) =>
      Array.from(textOf(page).matchAll(/\bKEELSON_[A-Z_]+\b/g), ([code]) => ({ page, code })),
    )
    expect(named.filter(({ code }) => !known.has(code))).toEqual([])
  })
})
