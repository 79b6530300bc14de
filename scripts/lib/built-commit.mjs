// The sources of a commit, built in a folder of their own, to be compared with what stands in the work tree.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'

import { run } from './exec.mjs'
import { Failure } from './failure.mjs'
import { at, root } from './paths.mjs'

/** Returns the folder with the sources of a commit, built. It is built once and kept in `.cache/compare`. */
export async function builtCommit(commit) {
  const sha = (
    await run('git', ['rev-parse', '--verify', `${commit}^{commit}`], `There is no commit ${commit}.`)
  ).trim()
  const folder = at('.cache', 'compare', sha)
  if (!existsSync(`${folder}/dist/index.js`)) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const archive = spawnSync('git', ['archive', '--format=tar', sha], { cwd: root, maxBuffer: 2 ** 28 })
    const unpacked = spawnSync('tar', ['-x', '-C', folder], { input: archive.stdout })
    if (unpacked.status !== 0) throw new Failure(`The sources of ${commit} could not be unpacked.`)
    await run(process.execPath, ['scripts/build.mjs'], `${commit} does not build.`, { cwd: folder })
  }
  return folder
}
