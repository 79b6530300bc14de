import { code, type Source } from './source.ts'

type Path = readonly string[]

/** A module of src/: its file, its children, and the names it exports from elsewhere. */
interface Module {
  readonly path: string
  readonly name: Path
  readonly text: string
  readonly exported: Map<string, Path>
}

const nameOf = (path: string): Path =>
  path
    .replace(/^src\//, '')
    .replace(/\.rs$/, '')
    .split('/')
    .filter((part, index, parts) => !(index === parts.length - 1 && (part === 'mod' || part === 'lib')))

/** Modules of tests that stand inside a file may use anything: they are blanked. */
export const withoutInlineModules = (text: string): string =>
  text.replaceAll(/^(?:pub(?:\([^)]*\))? )?mod \w+ \{$[\s\S]*?^\}$/gm, (match) => match.replaceAll(/[^\n]/g, ' '))

/** The paths of a tree of imports, such as `a::{b, c::D as E}`. */
function pathsOf(tree: string): string[][] {
  let at = 0
  const spaces = (): void => {
    while (/\s/.test(tree[at] ?? '')) at += 1
  }
  const branch = (): string[][] => {
    spaces()
    if (tree[at] === '{') {
      at += 1
      const all: string[][] = []
      for (;;) {
        spaces()
        if (at >= tree.length || tree[at] === '}') break
        all.push(...branch())
        spaces()
        if (tree[at] === ',') at += 1
      }
      at += 1
      return all
    }
    const word = /^(?:\w+|\*)/.exec(tree.slice(at))?.[0]
    if (word === undefined) {
      at = tree.length
      return []
    }
    at += word.length
    if (tree.startsWith('::', at) && tree[at + 2] !== '<') {
      at += 2
      return branch().map((rest) => [word].concat(rest))
    }
    const alias = /^\s+as\s+(\w+)/.exec(tree.slice(at))
    if (alias) at += alias[0].length
    return [[word]]
  }
  return branch()
}

function absolute(path: Path, here: Path): Path | undefined {
  const [first, ...rest] = path
  if (first === 'crate') return rest
  if (first === 'self') return [...here, ...rest]
  if (first !== 'super') return undefined
  let base = here.slice(0, -1)
  while (rest[0] === 'super') {
    rest.shift()
    base = base.slice(0, -1)
  }
  return [...base, ...rest]
}

const key = (name: Path): string => name.join('::')

/** Returns the files of src/ that each file of src/ uses. A re-export counts as a use of the file that declares the name. */
export function rustUses(sources: readonly Source[]): Map<string, readonly string[]> {
  const modules = new Map<string, Module>()
  for (const source of sources.filter(({ path }) => path.startsWith('src/') && path.endsWith('.rs'))) {
    const name = nameOf(source.path)
    modules.set(key(name), { path: source.path, name, text: withoutInlineModules(code(source)), exported: new Map() })
  }
  const childrenOf = (module: Module): string[] =>
    [...module.text.matchAll(/\bmod (\w+);/g)].map(([, child]) => child as string)

  for (const module of modules.values()) {
    const children = childrenOf(module)
    for (const [, tree] of module.text.matchAll(/^pub(?:\([^)]*\))? use ([^;]+);/gm)) {
      for (const path of pathsOf(tree as string)) {
        const target = children.includes(path[0] as string) ? [...module.name, ...path] : absolute(path, module.name)
        if (target) module.exported.set(target.at(-1) as string, target)
      }
    }
  }

  /** The files in which a path ends: that of a module, and for a whole module those whose names it exports. */
  const filesOf = (path: Path): string[] => {
    let depth = path.length
    while (depth > 0 && !modules.has(key(path.slice(0, depth)))) depth -= 1
    const module = modules.get(key(path.slice(0, depth)))
    if (!module) return []
    const item = path[depth]
    if (item === undefined || item === 'self' || item === '*') {
      return [module.path, ...[...module.exported.values()].flatMap(filesOf)]
    }
    const target = module.exported.get(item)
    return target ? filesOf(target) : [module.path]
  }

  return new Map(
    [...modules.values()].map((module) => {
      const text = module.text.replaceAll(/^pub(?:\([^)]*\))? use [^;]+;/gm, '')
      const children = childrenOf(module)
      const starts = ['crate', 'super', 'self', ...children].join('|')
      const found = [...text.matchAll(new RegExp(`(?<![\\w:$])(?:${starts})::`, 'g'))]
      const used = found.flatMap((match) => {
        return pathsOf(text.slice(match.index)).flatMap((path) => {
          const target = children.includes(path[0] as string) ? [...module.name, ...path] : absolute(path, module.name)
          return target ? filesOf(target) : []
        })
      })
      return [module.path, [...new Set(used)].filter((path) => path !== module.path)]
    }),
  )
}

/** The files of src/ that are compiled for tests alone. */
export function rustTestFiles(sources: readonly Source[]): Set<string> {
  const files = sources.filter(({ path }) => path.startsWith('src/') && path.endsWith('.rs'))
  const folders = files.flatMap(({ path, text }) => {
    const folder = path.replace(/(?:\/mod)?\.rs$/, '')
    const found = text.matchAll(/^#\[cfg\((?:test|all\(test[^\]]*)\)\]\n(?:pub )?mod (\w+);/gm)
    return [...found].map(([, name]) => `${folder}/${name}`)
  })
  const isInside = (path: string): boolean =>
    folders.some((folder) => path === `${folder}.rs` || path.startsWith(`${folder}/`))
  return new Set(files.map(({ path }) => path).filter(isInside))
}
