// The sources of a commit in a folder of their own, .cache/compare/<sha>, to be built and compared with.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'

import { run } from './exec.mjs'
import { Failure } from './failure.mjs'
import { at, root } from './paths.mjs'

/** Unpacks the sources of a commit unless they are there. Returns their folder. */
export async function sourcesOf(commit) {
  const sha = (
    await run('git', ['rev-parse', '--verify', `${commit}^{commit}`], `There is no commit ${commit}.`)
  ).trim()
  const folder = at('.cache', 'compare', sha)
  if (existsSync(`${folder}/package.json`)) return folder
  const part = `${folder}.${process.pid}`
  for (const old of [part, folder]) rmSync(old, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  const archive = spawnSync('git', ['archive', '--format=tar', sha], { cwd: root, maxBuffer: 2 ** 28 })
  const unpacked = spawnSync('tar', ['-x', '-C', part], { input: archive.stdout })
  if (unpacked.status !== 0) throw new Failure(`The sources of ${commit} could not be unpacked.`)
  renameSync(part, folder)
  return folder
}

/** Builds the package of a commit unless it is built. Returns its folder. */
export async function builtCommit(commit) {
  const folder = await sourcesOf(commit)
  if (!existsSync(`${folder}/dist/index.js`)) {
    await run(process.execPath, ['scripts/build.mjs'], `${commit} does not build.`, { cwd: folder })
  }
  return folder
}
