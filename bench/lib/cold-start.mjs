// A program of the package suite: `cold-start.mjs <node_modules> time|memory require|import <name>` prints what it costs to
// load a package for the first time, in ms, or in MiB over a program that loads nothing; `say <figure>` prints the figure.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const [modules, what, ...rest] = process.argv.slice(2)

/** The program's language and how it loads a package: an import needs Node's module loader, which a module has already. */
const languages = {
  require: { type: 'commonjs', load: (name) => `require(${JSON.stringify(name)})` },
  import: { type: 'module', load: (name) => `await import(${JSON.stringify(name)})` },
}

/** Runs a program that sees the packages. Returns the number that it prints. */
function run({ type }, code) {
  // Text is resolved from the working directory; a file would be resolved from the folder of the benchmarks.
  const args = [`--input-type=${type}`, '--eval', `${code}; process.exit(0)`]
  return Number(execFileSync(process.execPath, args, { cwd: join(modules, '..'), encoding: 'utf8' }))
}

/** How long the first load takes, in ms. */
function time(language, name) {
  const load = language.load(name)
  const code = `const since = process.hrtime.bigint(); ${load}; console.log(Number(process.hrtime.bigint() - since) / 1e6)`
  return run(language, code)
}

/** The resident memory of a program that loads a package, over one that loads nothing, in MiB. */
function memory(language, name) {
  const resident = 'console.log(process.memoryUsage.rss() / 2 ** 20)'
  return run(language, `${language.load(name)}; ${resident}`) - run(language, resident)
}

if (what === 'say') {
  console.log(rest[0])
} else {
  const [how, name] = rest
  console.log(JSON.stringify((what === 'time' ? time : memory)(languages[how], name)))
}
