// An entry as CommonJS can load a file at the first touch of one of its names. So `require('keelson')` costs what the program
// uses: the base, with the addon, and then the areas whose names it takes. An ES module reads all names at once.

/**
 * Loads a file when one of its names is touched first. A name stays an accessor: V8 takes 140 µs to make a value of one in
 * an object of so many. A test may assign to it.
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

/**
 * Rewrites the code of an entry. `isLate` tells of a file, as the entry requires it, whether it waits for its first name.
 * Calls `fail` with a line that it does not know.
 */
export function loadLate(code, isLate, fail) {
  const loads = []
  const names = []
  const late = new Set()
  for (const line of code.split('\n')) {
    const [, area, file] = /^const (\w+(?:\$\d+)?) = require\("([^"]+)"\);$/.exec(line) ?? []
    const [, name, from, local] = /^exports\.(\w+) = ([\w$]+)\.(\w+);$/.exec(line) ?? []
    if (area !== undefined) {
      if (isLate(file)) late.add(area)
      loads.push(isLate(file) ? `const ${area} = late(() => require("${file}"));` : line)
    } else if (name !== undefined && name === local) {
      names.push(late.has(from) ? `${from}("${name}");` : line)
    }
    // What remains sets the tag of modules, or loads an entry whose names are listed.
    else if (!/^(?:|Object\.defineProperty\(exports, Symbol\.toStringTag.*|require\(".*\);)$/.test(line)) fail(line)
  }
  const tag = "Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' });"
  return [tag, LATE_NAMES, ...loads, '', ...names, ''].join('\n')
}
