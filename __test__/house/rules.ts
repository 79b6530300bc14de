import { posix } from 'node:path'

import { declaredTwice, oneMeaning } from './declared-twice.ts'
import { heightOf } from './layers.ts'
import { rustTestFiles, rustUses, withoutInlineModules } from './rust.ts'
import { code, imports, relativeImports, where, type Fault, type Source } from './source.ts'

const inJs = ({ path }: Source): boolean => path.startsWith('js/')

/** The only two files that may touch the host's time and the host's chance. */
const hosts = ['js/clock/host.ts', 'js/system/entropy.ts']
/** The folders that put a clock in the place of the host's time, and have to name it. */
const replacements = ['js/testing/fakes/', 'js/simulation/host/']

const timeOrChance =
  /(?<![.\w$])(?:globalThis\s*\.\s*)?(?:(?:Date\s*\.\s*now|Math\s*\.\s*random|setTimeout|setInterval|performance\s*\.\s*now|process\s*\.\s*hrtime|crypto\s*\.\s*(?:randomUUID|getRandomValues))\b|(?:new\s+)?Date\s*\(\s*\))/g
const timeOrChanceModules = /^(?:node:)?(?:timers|timers\/promises|perf_hooks|crypto)$/
/** A digest is neither time nor chance, though it stands in the module of chance. */
const digestOnly = /^import \{ createHash \} from 'node:crypto'$/m

/** Time and chance come from the system, so that a test can hold both. */
export function hostTimeOrChance(sources: readonly Source[]): Fault[] {
  return sources
    .filter(
      (source) =>
        inJs(source) && !hosts.includes(source.path) && !replacements.some((folder) => source.path.startsWith(folder)),
    )
    .flatMap((source) => {
      const text = code(source)
      const uses = [...text.matchAll(timeOrChance)].map(
        (match) => `${where(source.path, text, match.index)}: ${match[0].trim()} belongs to ${hosts.join(' or ')}`,
      )
      const named = imports(source).filter((name) => timeOrChanceModules.test(name))
      const isDigest = named.length === 1 && digestOnly.test(source.text)
      const modules = isDigest ? [] : named
      return uses.concat(modules.map((name) => `${source.path}: importing ${name} is left to ${hosts.join(' or ')}`))
    })
}

/** The core knows nothing of Node: it compiles without napi, and does not name it. */
export function coreWithoutBinding(sources: readonly Source[]): Fault[] {
  return sources
    .filter(({ path }) => path.startsWith('src/core/'))
    .flatMap((source) => {
      const text = code(source)
      const found = [...text.matchAll(/\bnapi\w*\b|\bcrate::binding\b/g)]
      return found.map((match) => `${where(source.path, text, match.index)}: the core must not name ${match[0]}`)
    })
}

/** The only files that import an addon. */
const seams = ['js/native.ts', 'js/dashboard/addon.ts']

/** One file is the seam of each addon. */
export function oneImporterOfTheBinding(sources: readonly Source[]): Fault[] {
  return sources
    .filter((source) => inJs(source) && !seams.includes(source.path))
    .filter((source) => imports(source).some((name) => name.endsWith('.node') || /(?:^|\/)native\/\w/.test(name)))
    .map(({ path }) => `${path}: only ${seams.join(' and ')} import the addons`)
}

/** Shared memory that is looked at by a number instead of a name of js/protocol/. */
const placeByNumber = /\b(?:scratch|page|steps|submissions|numbers|flat)\[(?:[^\]]*\+\s*)?\d+\]/g
/** A result of the seam that is compared with a number of its own, other than 0 and 1. */
const codeByNumber = /\b(?:hot|native)\.\w+\([^\n]*\)\s*(?:[!=]==|[<>]=?)\s*(?:-\d|[2-9]|1\d)/g
/** An arm of a `match` that is a number. */
const armByNumber = /^\s*-?\d+(?:\.\d+)?\s*=>/gm

/** Numbers that cross between Rust and TypeScript are declared once, in src/binding/, and are named on both sides. */
export function protocolByName(sources: readonly Source[]): Fault[] {
  return sources.flatMap((source) => {
    const { path } = source
    const inBinding = path.startsWith('src/binding/')
    if (!inBinding && (!inJs(source) || path.startsWith('js/protocol/'))) return []
    const text = code(source)
    const usesLane = imports(source).some((name) => name.endsWith('/native.ts'))
    const patterns = inBinding ? [armByNumber] : usesLane ? [placeByNumber, codeByNumber] : []
    return patterns.flatMap((pattern) =>
      [...text.matchAll(pattern)].map(
        (match) => `${where(path, text, match.index)}: ${match[0].trim()} has a name in js/protocol/, or deserves one`,
      ),
    )
  })
}

/** Patterns that read a value which any code may have thrown or returned, each with the only file that may have it. */
const readers: readonly (readonly [file: string, pattern: RegExp])[] = [
  ['js/internal/thrown-values.ts', /\binstanceof Error\b|\bString\((?:error|thrown|reason|cause)\)/g],
  ['js/internal/thenable.ts', /\.then\s*[!=]==|typeof [\w.?() ]*\.then\b/g],
]

/** A thrown value may have no text, and a thenable may answer twice: each is read in one file. */
export function foreignValuesInOnePlace(sources: readonly Source[]): Fault[] {
  return sources.filter(inJs).flatMap((source) =>
    readers.flatMap(([file, pattern]) => {
      const text = code(source)
      const found = source.path === file ? [] : [...text.matchAll(pattern)]
      return found.map((match) => `${where(source.path, text, match.index)}: ${match[0]} is left to ${file}`)
    }),
  )
}

const folderOf = (path: string): string => {
  const inside = path.slice('js/'.length)
  return inside.includes('/') ? inside.slice(0, inside.indexOf('/')) : '.'
}

/** Adapters import services, services import primitives, primitives import the seam; never the other way. */
export function importDirection(sources: readonly Source[]): Fault[] {
  return sources
    .filter((source) => inJs(source) && source.path !== 'js/index.ts')
    .flatMap((source) => {
      const folder = folderOf(source.path)
      const height = heightOf(folder)
      if (height === undefined) return [`${source.path}: the folder ${folder} has no layer; enter it in layers.ts`]
      return relativeImports(source)
        .filter((path) => path.startsWith('js/') && (heightOf(folderOf(path)) ?? 0) > height)
        .map((path) => `${source.path}: imports ${path}, which stands above it`)
    })
}

function cycleFrom(start: string, graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const seen = new Set<string>()
  const walk = (node: string, trail: readonly string[]): string[] | undefined => {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return [...trail, next]
      // A smaller name is the start of its own search, so that each cycle is told once.
      if (next < start || seen.has(next)) continue
      seen.add(next)
      const found = walk(next, [...trail, next])
      if (found) return found
    }
    return undefined
  }
  return walk(start, [start])
}

/** Returns the rooms that each room uses, from the files that each file uses. */
function byRoom(
  byFile: ReadonlyMap<string, readonly string[]>,
  roomOf: (path: string) => string,
): Map<string, readonly string[]> {
  const rooms = new Map<string, readonly string[]>()
  for (const [file, used] of byFile) {
    const room = roomOf(file)
    const others = used.map(roomOf).filter((other) => other !== room)
    rooms.set(room, [...new Set([...(rooms.get(room) ?? []), ...others])])
  }
  return rooms
}

/** A folder of the core or of the binding, with what is below it; a file that lies in none is a room of its own. */
const rustRoomOf = (path: string): string => path.split('/').slice(0, 3).join('/')

/** No file imports itself through others, types included; nor does a folder of js/, of the core or of the binding. */
export function importCycles(sources: readonly Source[]): Fault[] {
  const js = new Map(sources.filter(inJs).map((source) => [source.path, relativeImports(source)]))
  const jsBelowIndex = new Map(
    [...js]
      .filter(([path]) => path !== 'js/index.ts')
      .map(([path, used]) => [path, used.filter((other) => other.startsWith('js/'))] as const),
  )
  const rust = rustUses(sources)
  return [js, byRoom(jsBelowIndex, folderOf), rust, byRoom(rust, rustRoomOf)].flatMap((graph) =>
    [...graph.keys()].flatMap((node) => {
      const cycle = cycleFrom(node, graph)
      return cycle ? [`import cycle: ${cycle.join(' -> ')}`] : []
    }),
  )
}

const rustType =
  /^[ \t]*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|union) (\w+)|^(?:pub(?:\([^)]*\))? )?type (\w+)|^id! \{\s*(\w+)\s*\}/gm
const jsType = /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:class|interface|type|enum) (\w+)/gm

/** Type names and the files that declare them, for each of the two languages. Types of tests are left out. */
export function typesByName(sources: readonly Source[]): Map<string, Set<string>>[] {
  const tests = rustTestFiles(sources)
  const rust = sources.filter(({ path }) => path.startsWith('src/') && path.endsWith('.rs') && !tests.has(path))
  const collect = (files: readonly Source[], pattern: RegExp): Map<string, Set<string>> => {
    const byName = new Map<string, Set<string>>()
    for (const source of files) {
      for (const [, ...names] of withoutInlineModules(code(source)).matchAll(pattern)) {
        const name = names.find((each) => each !== undefined) as string
        byName.set(name, (byName.get(name) ?? new Set()).add(source.path))
      }
    }
    return byName
  }
  return [collect(rust, rustType), collect(sources.filter(inJs), jsType)]
}

/** A reader who meets a type's name need not ask which one is meant. */
export function typesDeclaredOnce(sources: readonly Source[]): Fault[] {
  const [rust, js] = typesByName(sources)
  const known = new Set([...declaredTwice, ...Object.keys(oneMeaning)])
  const inJsAlone = [...(js ?? [])].filter(([name]) => !known.has(name))
  return [...(rust ?? []), ...inJsAlone]
    .filter(([, files]) => files.size > 1)
    .map(([name, files]) => `the type ${name} is declared in ${[...files].join(' and in ')}: rename all but one`)
}

const longest = 500

/** A file a reader can hold in mind. */
export function fileLength(sources: readonly Source[]): Fault[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1
    return lines > longest ? [`${path}: ${lines} lines, and ${longest} is the limit: split it by what it does`] : []
  })
}

const commented = (lines: readonly string[], index: number, mark: string): boolean =>
  lines[index - 1]?.trim().startsWith(mark) === true || lines[index]?.includes(` ${mark} `) === true

const reasonlessInJs = [
  { pattern: /(?:oxlint|eslint)-disable(?![^\n]*\s--\s+\S)/, what: 'switches a lint off without ` -- reason`' },
  { pattern: /@ts-expect-error(?![:\s]+\S)/, what: '@ts-expect-error without a reason' },
  { pattern: /@ts-(?:ignore|nocheck)/, what: '@ts-ignore and @ts-nocheck hide more than they say' },
]

/** Every exception from a lint says why, where it stands. */
export function exceptionsWithReasons(sources: readonly Source[]): Fault[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.split('\n')
    const each = (test: (line: string, index: number) => string | undefined): Fault[] =>
      lines.flatMap((line, index) => {
        const what = test(line, index)
        return what === undefined ? [] : [`${path}:${index + 1}: ${what}`]
      })
    if (path === 'Cargo.toml') {
      return each((line, index) =>
        /=\s*(?:"allow"|\{[^}]*level\s*=\s*"allow")/.test(line) && !commented(lines, index, '#')
          ? 'a lint is allowed without a reason above it'
          : undefined,
      )
    }
    if (path === '.oxlintrc.json') {
      return each((line, index) =>
        /"off"|"allow"/.test(line) && !commented(lines, index, '//')
          ? 'a lint is off without a reason above it'
          : undefined,
      )
    }
    if (path.endsWith('.rs')) {
      return [...text.matchAll(/#!?\[(?:allow|expect)\([^\]]*\)\]/g)]
        .filter(([attribute]) => !attribute.includes('reason'))
        .map((match) => `${where(path, text, match.index)}: an exception without \`reason = "…"\``)
    }
    return each((line) => reasonlessInJs.find(({ pattern }) => pattern.test(line))?.what)
  })
}

/** Every rule over the whole tree, by the sentence it keeps true. */
export const rules = {
  'time and chance come from the system': hostTimeOrChance,
  'the core does not know Node': coreWithoutBinding,
  'one file imports each addon': oneImporterOfTheBinding,
  'numbers that cross have names': protocolByName,
  'values of others are read in one place': foreignValuesInOnePlace,
  'imports run one way': importDirection,
  'no import cycles': importCycles,
  'a type name is declared once': typesDeclaredOnce,
  'files stay short': fileLength,
  'exceptions have reasons': exceptionsWithReasons,
} as const satisfies Record<string, (sources: readonly Source[]) => Fault[]>

export const isSource = (path: string): boolean =>
  /\.(?:rs|ts|mts|mjs|cjs|js)$/.test(posix.basename(path)) || ['Cargo.toml', '.oxlintrc.json'].includes(path)
