// Puts the values of exported number constants where the compiled modules use them.
//
// TypeScript compiles `protocol.STEP_CELLS` to a property of another module's exports. V8 loads it each time, because
// exports may change. A message passes dozens of them: with their values in place it takes a tenth less time.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { filesIn, writeIfChanged } from './stamp.mjs'

const CONSTANT = /^exports\.([A-Z][A-Z0-9_]*) = (-?\d[\d.e]*);$/gm
const IMPORT = /^const (\w+) = (?:__importStar\()?require\("(\.[^"]+\.js)"\)\)?;$/gm

/** The number constants that a compiled module exports, by name. */
export const constantsOf = (text) => new Map([...text.matchAll(CONSTANT)].map(([, name, value]) => [name, value]))

/**
 * The text of a compiled module with the constants of the modules that it imports in place.
 *
 * @param constants Returns the constants of a module, by the path in `require`.
 */
export function withConstants(text, constants) {
  let result = text
  for (const [, alias, path] of text.matchAll(IMPORT)) {
    const values = constants(path)
    if (values.size === 0) continue
    const use = new RegExp(`(?<![\\w.$])${alias}\\.([A-Z][A-Z0-9_]*)(?![\\w$(])`, 'g')
    result = result.replace(use, (all, name) => {
      const value = values.get(name)
      if (value === undefined) return all
      return value.startsWith('-') ? `(${value})` : value
    })
  }
  return result
}

/** Puts constants in place in every module below a folder. Lines of source maps stay true; columns may not. */
export function inlineConstants(folder) {
  const known = new Map()
  const constants = (path) => {
    if (!known.has(path)) known.set(path, constantsOf(readFileSync(path, 'utf8')))
    return known.get(path)
  }
  for (const file of filesIn(folder, (path) => path.endsWith('.js'))) {
    const text = readFileSync(file, 'utf8')
    writeIfChanged(
      file,
      withConstants(text, (path) => constants(join(dirname(file), path))),
    )
  }
}
