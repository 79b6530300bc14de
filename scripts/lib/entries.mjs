// The one place that knows the package's entries: js/index.ts is `keelson`, and every js/<folder>/index.ts is
// `keelson/<folder>`. A folder without an index.ts is private. `exports` in package.json is generated from this.
import { existsSync, readdirSync, readFileSync } from 'node:fs'

import { at } from './paths.mjs'

/** `{ subpath, folder }` of each entry, the root first; `folder` is relative to js/ and to dist/. */
export function entries() {
  const folders = readdirSync(at('js'), { withFileTypes: true })
    .filter((item) => item.isDirectory() && existsSync(at('js', item.name, 'index.ts')))
    .map((item) => item.name)
    .toSorted()
  return [{ subpath: '.', folder: '.' }, ...folders.map((folder) => ({ subpath: `./${folder}`, folder }))]
}

/**
 * The files an entry is made of, as package.json writes them. The root's types are the list at the top.
 *
 * Node resolves an import to `index.node.mjs`, which costs it less. Bundlers do not set `node-addons` and take
 * `index.mjs`, whose import they can follow.
 */
export function filesOf({ folder }) {
  const built = folder === '.' ? './dist' : `./dist/${folder}`
  const types = folder === '.' ? '.' : built
  return {
    import: {
      types: `${types}/index.d.mts`,
      'node-addons': `${built}/index.node.mjs`,
      default: `${built}/index.mjs`,
    },
    require: { types: `${types}/index.d.ts`, default: `${built}/index.js` },
  }
}

/** Returns the `exports` that package.json must have. */
export function exportsMap() {
  const map = Object.fromEntries(entries().map((entry) => [entry.subpath, filesOf(entry)]))
  return { ...map, './internal/*': null, './package.json': './package.json' }
}

/** package.json with `exports` as generated, as text. */
export function manifestText() {
  const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  manifest.exports = exportsMap()
  return `${JSON.stringify(manifest, null, 2)}\n`
}
