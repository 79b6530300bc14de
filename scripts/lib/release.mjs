// What a release needs, and the commands that publish it.
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

import { compareVersions, neededGlibc } from './elf.mjs'
import { GLIBC } from './linkers.mjs'
import { at } from './paths.mjs'
import { beside, fileOf, mainAddons, packageOf, platforms } from './platforms.mjs'

/** The files that carry the version of the package, and how each writes it. */
const VERSIONED = [
  { path: 'package.json', version: (text) => JSON.parse(text).version },
  { path: 'package-lock.json', version: (text) => JSON.parse(text).packages[''].version },
  { path: 'Cargo.toml', version: (text) => /^version = "(.+)"/m.exec(text)?.[1] },
  { path: 'Cargo.lock', version: (text) => /^name = "keelson"\nversion = "(.+)"/m.exec(text)?.[1] },
  { path: 'dashboard/Cargo.toml', version: (text) => /^version = "(.+)"/m.exec(text)?.[1] },
  { path: 'Cargo.lock', version: (text) => /^name = "keelson-dashboard"\nversion = "(.+)"/m.exec(text)?.[1] },
  { path: 'js/version.ts', version: (text) => /VERSION = '(.+)'/.exec(text)?.[1] },
]

/** Returns a sentence for each file whose version is another than that of package.json. */
export function versionProblems(read) {
  const found = VERSIONED.map(({ path, version }) => ({ path, version: version(read(path)) }))
  const [{ version: wanted }] = found
  return found
    .filter(({ version }) => version !== wanted)
    .map(({ path, version }) => `${path} has version ${version}, and package.json has ${wanted}.`)
}

/** Returns what a changelog says about a version; `undefined` when it has no such section, or an empty one. */
export function changelogSection(text, version) {
  const [heading, ...rest] =
    text
      .split(/^## /m)
      .find((part) => part.startsWith(`[${version}]`))
      ?.split('\n') ?? []
  const body = rest.join('\n').trim()
  return heading === undefined || body === '' ? undefined : body
}

/** Returns the reason why a binary cannot be published; `undefined` when it can. */
export function binaryProblem({ target, libc }, path) {
  if (!existsSync(path)) return `is not built: \`npm run build -- --target ${target}\``
  if (libc !== 'glibc') return undefined
  const glibc = neededGlibc(readFileSync(path))
  if (glibc === undefined || compareVersions(glibc, GLIBC) <= 0) return undefined
  return `needs glibc ${glibc}, and may need ${GLIBC} at most: \`npm run build -- --target ${target}\` on Linux x64`
}

/** Returns the reason why the package of a main addon cannot be published; `undefined` when it can. */
function packageProblem(addon, platform) {
  for (const one of beside(addon)) {
    const problem = binaryProblem(platform, at('native', fileOf(one, platform)))
    if (problem !== undefined) return `${problem} (${fileOf(one, platform)})`
  }
  return undefined
}

/** The platform packages of a release: `{ name, platform, addon, problem? }`. */
export const binaries = () =>
  mainAddons.flatMap((addon) =>
    platforms().map((platform) => {
      return { name: packageOf(addon, platform), platform, addon, problem: packageProblem(addon, platform) }
    }),
  )

/** The commands that publish tarballs, in order: the main package last, so that nobody installs it without its binaries. */
export function publishCommands(tarballs, version) {
  const isMain = (path) => basename(path) === `keelson-${version}.tgz`
  const ordered = [...tarballs.filter((path) => !isMain(path)), ...tarballs.filter(isMain)]
  const publish = ordered.map((path) => ['npm', 'publish', path, '--access', 'public', '--provenance'])
  const notes = ['gh', 'release', 'create', `v${version}`, '--title', version, '--notes-file', 'dist-pack/NOTES.md']
  return [...publish, [...notes, ...ordered]]
}
