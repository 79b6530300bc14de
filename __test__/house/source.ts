import { posix } from 'node:path'

/** A source file as the rules see it: its path from the repository's root, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** Returns the finding of a rule as one line. */
export type Fault = string

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ')

const commentOrString = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g
// A Rust lifetime is no string, so the Rust rules blank only comments and "strings".
const rustCommentOrString = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\]|\\.)*"/g

/** Comments and the insides of strings blanked, line by line; code in `${}` of a template is kept. */
export function code({ path, text }: Source): string {
  if (path.endsWith('.rs')) return text.replaceAll(rustCommentOrString, blank)
  return text.replaceAll(commentOrString, (match) => {
    if (!match.startsWith('`')) return blank(match)
    return match.replaceAll(/\$\{[^}]*\}|[^\n]/g, (part) => (part.startsWith('${') ? part : ' '))
  })
}

/** Comments alone blanked: module names stay readable. */
function withStrings(text: string): string {
  return text.replaceAll(commentOrString, (match) => (match.startsWith('/') ? blank(match) : match))
}

const importing =
  /\b(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g

/** The module names a file imports, as they are written. */
export function imports({ text }: Source): string[] {
  return [...withStrings(text).matchAll(importing)].flatMap(([, from, called]) => from ?? called ?? [])
}

/** The paths a file imports by relative names. */
export const relativeImports = (source: Source): string[] =>
  imports(source)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(source.path), name))

/** `path:line: ` of a position in a text. */
export const where = (path: string, text: string, index: number): string =>
  `${path}:${text.slice(0, index).split('\n').length}`
