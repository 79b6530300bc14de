/** The types of options that the package exports, as the compiler sees them. */
import { type Checker, type Symbol, SymbolFlags } from 'typescript/unstable/sync'

import { withProject } from '../support/compiler.ts'
import { root } from '../support/root.ts'
import { entries } from '../surface/surface.ts'

export interface Member {
  readonly name: string
  /** The doc comment. */
  readonly doc: string
}

export interface OptionType {
  readonly entry: string
  readonly name: string
  readonly doc: string
  readonly members: readonly Member[]
}

/** Returns the members that a user may set. */
function membersOf(checker: Checker, symbol: Symbol): Member[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  const parts = type?.isUnionType() ? (type.getTypes() ?? []) : type === undefined ? [] : [type]
  const found = new Map<string, Member>()
  for (const part of parts) {
    for (const property of checker.getPropertiesOfType(part)) {
      if (property.name.startsWith('__') || found.has(property.name)) continue
      found.set(property.name, { name: property.name, doc: property.getDocumentationComment(checker) })
    }
  }
  return [...found.values()]
}

/** Returns every exported interface and object type, once for each declaration. */
export function exportedTypes(): OptionType[] {
  const fileOf = (entry: string): string => `${root}dist/${entry}/index.d.ts`
  return withProject('option-types', entries.map(fileOf), ({ checker, program }) => {
    const seen = new Set<number>()
    return entries.flatMap((entry) => {
      const source = program.getSourceFile(fileOf(entry))
      const module = source && checker.getSymbolAtLocation(source)
      if (module === undefined) throw new Error(`${entry} has no declarations`)
      return checker.getExportsOfModule(module).flatMap((exported) => {
        const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
        const isType = (symbol.flags & (SymbolFlags.Interface | SymbolFlags.TypeAlias)) !== 0
        if (!isType || seen.has(symbol.id)) return []
        seen.add(symbol.id)
        const doc = symbol.getDocumentationComment(checker)
        return [{ entry, name: exported.name, doc, members: membersOf(checker, symbol) }]
      })
    })
  })
}
