// Lists the public names of a built declaration file. TypeScript 7 has no API to ask, so this reads the `export`
// statements tsc writes, and refuses any it does not know rather than leaving a name out.
import { posix } from 'node:path'

import { Failure } from './failure.mjs'

const declared =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:const enum|const|let|var|function\*?|class|enum|namespace|interface|type) ([\w$]+)/
const list = /^export (type )?\{([^}]*)\}(?: from ['"]([^'"]+)['"])?/
const star = /^export \* from ['"]([^'"]+)['"]/
const namespace = /^export \* as ([\w$]+) from ['"][^'"]+['"]/
// Long enough for any list of names; a declaration is told by its first words.
const longest = 50_000
const patterns = /^export (?:declare )?(?:const|let|var) [[{]/

/** Blanks comments, and the text of strings that are not module names, keeping the line starts. */
function withoutComments(text) {
  return text.replaceAll(
    /\/\*[\s\S]*?\*\/|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\/[^\n]*/g,
    (whole, string) => string ?? whole.replaceAll(/[^\n]/g, ''),
  )
}

function namesInList(body) {
  const items = body.split(',').map((item) => item.trim())
  return items
    .filter((item) => item !== '')
    .map((item) =>
      item
        .replace(/^type /, '')
        .split(/\s+as\s+/)
        .at(-1)
        .trim(),
    )
}

/** The `.d.ts` a module name in another one stands for. */
const resolved = (from, specifier) => posix.join(posix.dirname(from), specifier.replace(/\.(m?)(js|ts)$/, '.d.$1ts'))

/**
 * The names `file` exports, sorted. `read` gives the text of a declaration file by its path; `export *` is followed.
 */
export function publicNames(file, read, seen = new Set()) {
  const names = new Set()
  if (seen.has(file)) return []
  seen.add(file)
  const text = withoutComments(read(file))
  for (const { index } of text.matchAll(/^export\b/gm)) {
    const statement = text.slice(index, index + longest).replaceAll(/\s+/g, ' ')
    const from = star.exec(statement)?.[1]
    const [, , items] = list.exec(statement) ?? []
    const single = namespace.exec(statement)?.[1] ?? declared.exec(statement)?.[1]
    if (from !== undefined) {
      for (const name of publicNames(resolved(file, from), read, seen)) if (name !== 'default') names.add(name)
    } else if (items !== undefined) for (const name of namesInList(items)) names.add(name)
    else if (single !== undefined && !patterns.test(statement)) names.add(single)
    else
      throw new Failure(
        `${file} has an export statement scripts/lib/public-names.mjs cannot read: ${statement.slice(0, 120)}`,
      )
  }
  return [...names].toSorted()
}
