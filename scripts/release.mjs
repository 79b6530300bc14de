// npm run release [-- --publish]: packs every package of a release into dist-pack/, says what is missing, and prints the
// commands that publish it, in order. With --publish it runs them, unless something is missing. --dry-run is the default.
import { readFileSync, writeFileSync } from 'node:fs'

import { buildSteps } from './lib/build-steps.mjs'
import { attempt } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { readFlags } from './lib/flags.mjs'
import { packInto, tarballOf, writeMain, writePlatform } from './lib/pack.mjs'
import { at, shown } from './lib/paths.mjs'
import { binaries, changelogSection, publishCommands, versionProblems } from './lib/release.mjs'
import { runAll } from './lib/steps.mjs'

const say = (text) => process.stdout.write(`${text}\n`)
const read = (path) => readFileSync(at(path), 'utf8')

function options() {
  const usage = 'npm run release takes --dry-run or --publish'
  const flags = readFlags({ publish: { type: 'boolean' }, 'dry-run': { type: 'boolean' } }, usage)
  if (flags.publish === true && flags['dry-run'] === true) throw new Failure(`${usage}: not both`)
  return flags
}

/** Returns a sentence for everything that keeps this checkout from being released. */
async function problemsOf(all, version, notes) {
  const { code, output } = await attempt('git', ['status', '--porcelain'])
  const isClean = code === 0 && output.trim() === ''
  return [
    ...versionProblems(read),
    ...(notes === undefined ? [`CHANGELOG.md has no section [${version}] with text.`] : []),
    ...(isClean ? [] : ['The checkout has changes that are not committed.']),
    ...all.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name} ${problem}.`])),
  ]
}

/** Runs the commands in order. Stops at the first that fails. */
async function publish(commands) {
  for (const [command, ...args] of commands) {
    say(`\n$ ${[command, ...args].join(' ')}`)
    const { code } = await attempt(command, args, { show: true, shell: process.platform === 'win32' })
    if (code !== 0) throw new Failure(`${command} failed. The commands before it are done; the ones after it are not.`)
  }
}

await main(async () => {
  const { publish: isReal = false } = options()
  const failed = await runAll(buildSteps())
  if (failed !== 0) return failed

  const { version } = JSON.parse(read('package.json'))
  const all = binaries()
  const fit = all.filter(({ problem }) => problem === undefined)
  const folders = [...fit.map(({ addon, platform }) => writePlatform(addon, platform)), await writeMain()]
  const tarballs = new Set((await packInto(folders)).map(shown))
  const notes = changelogSection(read('CHANGELOG.md'), version)
  writeFileSync(at('dist-pack', 'NOTES.md'), `${notes ?? ''}\n`)

  const problems = await problemsOf(all, version, notes)
  // With every package of a release, also those that are missing here.
  const planned = [...all.map(({ name }) => name), 'keelson'].map((name) => shown(tarballOf(name, version)))
  const commands = publishCommands(planned, version)
  say(`\nkeelson ${version}: ${fit.length} of ${all.length} binaries\n`)
  for (const problem of problems) say(`missing  ${problem}`)
  if (isReal && problems.length > 0) throw new Failure(`Nothing was published: ${problems.length} things are missing.`)
  if (isReal) {
    await publish(commands)
    return 0
  }
  say('\nIn this order, `npm run release -- --publish` runs:\n')
  const isMissing = (command) => command[1] === 'publish' && !tarballs.has(command[2])
  for (const command of commands) say(`  ${isMissing(command) ? '(missing) ' : ''}${command.join(' ')}`)
  say(`\nNothing was published. ${problems.length} things are missing for a release.`)
  return 0
})
