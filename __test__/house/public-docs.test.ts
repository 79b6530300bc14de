/** Every public name and option says what it guarantees where an editor shows it. */
import { existsSync, readdirSync } from 'node:fs'
import { type Checker, type Symbol, SymbolFlags } from 'typescript/unstable/sync'
import { expect, test } from 'vitest'

import { withProject } from '../support/compiler.ts'
import { root } from '../support/root.ts'

const entries = readdirSync(`${root}js`).filter((folder) => existsSync(`${root}js/${folder}/index.ts`))
const fileOf = (entry: string): string => `${root}dist/${entry}/index.d.ts`

const isOurs = (symbol: Symbol): boolean =>
  symbol.declarations.some(({ path }) => /\/dist\//.test(String(path)) && !String(path).includes('/node_modules/'))

/** Returns the members that a user of a name sees: of a type, and of a value that holds functions. */
function membersOf(checker: Checker, symbol: Symbol): Symbol[] {
  const isType = (symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface | SymbolFlags.TypeAlias)) !== 0
  const type = isType ? checker.getDeclaredTypeOfSymbol(symbol) : checker.getTypeOfSymbol(symbol)
  if (type === undefined || type.isUnionType()) return []
  const properties = checker.getPropertiesOfType(type)
  const statics =
    (symbol.flags & SymbolFlags.Class) === 0
      ? []
      : checker.getPropertiesOfType(checker.getTypeOfSymbol(symbol) as never)
  return [...properties, ...statics].filter(
    (member) =>
      isOurs(member) &&
      !/^(__|#|prototype$|code$)/.test(member.name) &&
      (member.flags & SymbolFlags.TypeParameter) === 0,
  )
}

/** Returns the names without a doc comment, as `entry Name` or `entry Name.member`. */
function undocumented(): string[] {
  return withProject('public-docs', entries.map(fileOf), ({ checker, program }) => {
    const seen = new Set<number>()
    return entries.flatMap((entry) => {
      const source = program.getSourceFile(fileOf(entry))
      const module = source === undefined ? undefined : checker.getSymbolAtLocation(source)
      if (module === undefined) throw new Error(`${entry} has no declarations`)
      return checker.getExportsOfModule(module).flatMap((exported) => {
        const symbol = exported.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
        if (seen.has(symbol.id) || !isOurs(symbol)) return []
        seen.add(symbol.id)
        const hasDocs = (one: Symbol): boolean => one.getDocumentationComment(checker) !== ''
        const missing = membersOf(checker, symbol).filter((member) => !hasDocs(member))
        return [...(hasDocs(symbol) ? [] : [symbol.name]), ...missing.map(({ name }) => `${symbol.name}.${name}`)].map(
          (name) => `${entry} ${name}`,
        )
      })
    })
  })
}

test('every public name and member has a doc comment', () => {
  expect(undocumented()).toEqual([])
})
