// npm packages: installed from the lock, and only when the lock or the wanted packages changed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { npm } from './exec.mjs'
import { at, shown } from './paths.mjs'
import { fingerprint, whenChanged } from './stamp.mjs'

/** Installs the packages of `folder` (the repository's own by default). Returns whether it had to. */
export function install(folder = at(), name = 'install') {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const lock = join(folder, 'package-lock.json')
  const wanted = JSON.stringify([manifest.dependencies, manifest.devDependencies, manifest.peerDependencies])
  const platform = `${process.platform} ${process.arch}`
  // No package here needs an install script; refusing them all keeps the install offline after the registry.
  const args = [existsSync(lock) ? 'ci' : 'install', '--ignore-scripts', '--no-audit', '--no-fund']
  const where = shown(folder) === '' ? '' : ` in ${shown(folder)}/`
  const sentence = `Installing the npm packages${where} failed; npm's own words are above.`
  const done = join(folder, 'node_modules', '.package-lock.json')
  return whenChanged(name, fingerprint([lock], [wanted, platform]), [done], () => npm(args, sentence, { cwd: folder }))
}
