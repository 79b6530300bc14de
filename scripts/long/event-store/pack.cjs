// Starts a program fast: a CommonJS module and all that it requires, as one script with its compiled code. `node pack.cjs
// <pack> …` runs the packed function with the arguments that follow, and `node pack.cjs <pack> compile …` also keeps its code.
const { existsSync, readFileSync, writeFileSync } = require('node:fs')
const { createRequire, isBuiltin } = require('node:module')
const { dirname } = require('node:path')
const vm = require('node:vm')

const codeOf = (path) => `${path}.code`

/** Returns the files that a module needs, each with what its requests lead to. A request that leads nowhere is left out. */
function filesOf(entry) {
  const files = new Map()
  const wanted = [entry]
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (files.has(path)) continue
    const text = readFileSync(path, 'utf8')
    const links = {}
    for (const [, request] of text.matchAll(/\brequire\(['"]([^'"]+)['"]\)/g)) {
      if (isBuiltin(request)) continue
      let target
      try {
        target = createRequire(path).resolve(request)
      } catch {
        // A binary for another platform, which the program asks for in vain as well.
        continue
      }
      if (!target.endsWith('.js') && !target.endsWith('.cjs')) continue
      links[request] = target
      wanted.push(target)
    }
    files.set(path, { text, links })
  }
  return files
}

/** Writes the pack of a module. */
function pack(entry, path) {
  const modules = Array.from(filesOf(entry), ([file, { text, links }]) => {
    const body = `function (exports, require, module, __filename, __dirname) {${text.replace(/^#!.*/, '')}\n}`
    return `${JSON.stringify(file)}: { links: ${JSON.stringify(links)}, body: ${body} }`
  })
  writeFileSync(path, `({ entry: ${JSON.stringify(entry)}, modules: {\n${modules.join(',\n')}\n} })`)
}

/** Returns what the packed module exports. */
function load({ entry, modules }) {
  const loaded = new Map()
  const get = (file) => {
    const known = loaded.get(file)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    loaded.set(file, module)
    const { links, body } = modules[file]
    const from = (request) => {
      if (links[request] !== undefined) return get(links[request])
      return isBuiltin(request) ? require(request) : createRequire(file)(request)
    }
    body(module.exports, from, module, file, dirname(file))
    return module.exports
  }
  return get(entry)
}

async function main([path, ...rest]) {
  const isCompiling = rest[0] === 'compile'
  const code = codeOf(path)
  const cachedData = !isCompiling && existsSync(code) ? readFileSync(code) : undefined
  const script = new vm.Script(readFileSync(path, 'utf8'), { filename: path, cachedData })
  await load(script.runInThisContext())(...(isCompiling ? rest.slice(1) : rest).map((text) => JSON.parse(text)))
  if (isCompiling) writeFileSync(code, script.createCachedData())
}

module.exports = { pack }
if (require.main === module) main(process.argv.slice(2))
