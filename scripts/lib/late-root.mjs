// The root as CommonJS loads each area at the first touch of one of its names, so that `require('keelson')` costs what
// the program uses. An ES module reads all names at once. The base, with the addon, is loaded with the root.

/**
 * Loads the file of an area when one of its names is touched first. A name stays an accessor: V8 takes 140 µs to make a
 * value of one in an object of so many. A test may assign to it.
 */
const LATE_NAMES = `
const late = (load) => {
  let area;
  return (name) =>
    Object.defineProperty(exports, name, {
      configurable: true,
      enumerable: true,
      get: () => (area ??= load())[name],
      set: (value) =>
        Object.defineProperty(exports, name, { value, configurable: true, enumerable: true, writable: true }),
    });
};
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
