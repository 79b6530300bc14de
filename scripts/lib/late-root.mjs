// The root as CommonJS loads each area at the first touch of one of its names, so that `require('keelson')` costs what
// the program uses. An ES module reads all names at once. The base, with the addon, is loaded with the root.

/** Loads the file of an area when one of its names is touched first, and keeps the name as a value then. */
const LATE_NAMES = `
const keep = (name, value) =>
  Object.defineProperty(exports, name, { value, configurable: true, enumerable: true, writable: true })[name];

const late = (load) => (name) =>
  Object.defineProperty(exports, name, {
    configurable: true,
    enumerable: true,
    get: () => keep(name, load()[name]),
    set: (value) => void keep(name, value),
  });
`

/** Rewrites the code of `dist/index.js`. Calls `fail` with a line that it does not know. */
export function loadAreasLate(code, fail) {
  const loads = []
  const names = []
  for (const line of code.split('\n')) {
    const [, area, file] = /^const (\w+(?:\$\d+)?) = (require\("[^"]+"\));$/.exec(line) ?? []
    const [, name, from, local] = /^exports\.(\w+) = ([\w$]+)\.(\w+);$/.exec(line) ?? []
    const isBase = file?.includes('chunk-base.js') || from === 'require_base'
    if (area !== undefined) loads.push(isBase ? line : `const ${area} = late(() => ${file});`)
    else if (name !== undefined && name === local) names.push(isBase ? line : `${from}("${name}");`)
    // What remains sets the tag of modules, or loads an entry whose names are listed.
    else if (!/^(?:|Object\.defineProperty\(exports, Symbol\.toStringTag.*|require\(".*\);)$/.test(line)) fail(line)
  }
  const tag = "Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' });"
  return [tag, LATE_NAMES, ...loads, '', ...names, ''].join('\n')
}
