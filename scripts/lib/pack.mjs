// The packages as they are published: one with the JavaScript, and one a platform with its binary.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'

import { exclusively } from './exclusive.mjs'
import { npm } from './exec.mjs'
import { Failure } from './failure.mjs'
import { at } from './paths.mjs'
import { beside, fileOf, here, mainAddons, packageOf, platforms } from './platforms.mjs'
import { fingerprint, whenChanged } from './stamp.mjs'

const manifest = () => JSON.parse(readFileSync(at('package.json'), 'utf8'))
const json = (value) => `${JSON.stringify(value, null, 2)}\n`

/** Fields of package.json that only a checkout needs. */
const OF_CHECKOUT = new Set(['scripts', 'devDependencies', 'napi'])

/** The names of all platform packages. */
const platformPackages = () => mainAddons.flatMap((addon) => platforms().map((platform) => packageOf(addon, platform)))

/** Fields that every package has. */
const shared = ({ version, license, author, repository, homepage, bugs, engines }) => ({
  version,
  license,
  author,
  repository,
  homepage,
  bugs,
  engines,
})

/** The manifest of the platform package of a main addon. */
export function platformManifest(addon, platform) {
  const { os, cpu, libc } = platform
  return {
    name: packageOf(addon, platform),
    description: `The native addons of keelson for ${platform.build}.`,
    ...shared(manifest()),
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    main: fileOf(addon, platform),
    files: [...beside(addon).map((one) => fileOf(one, platform)), 'THIRD-PARTY.md'],
  }
}

/** The manifest of the main package: without what only a checkout needs, and with every platform package. */
export function mainManifest() {
  const whole = manifest()
  const fields = Object.entries(whole).filter(([name]) => !OF_CHECKOUT.has(name))
  const optional = Object.fromEntries(platformPackages().map((name) => [name, whole.version]))
  return { ...Object.fromEntries(fields), optionalDependencies: optional }
}

/** Returns the platform packages that a manifest should name in its version and does not. */
export const missingPlatforms = ({ version, optionalDependencies = {} }) =>
  platformPackages().filter((name) => optionalDependencies[name] !== version)

/** Writes the folder of the platform package of a main addon, `npm/<build>` by napi's layout. Returns its path. */
export function writePlatform(addon, platform) {
  const folder = at('npm', `${addon.packages.replace('@keelson/', '')}-${platform.build}`)
  const files = beside(addon).map((one) => fileOf(one, platform))
  const missing = files.find((file) => !existsSync(at('native', file)))
  if (missing !== undefined) throw new Failure(`${missing} is not built: run \`npm run build\` on ${platform.build}.`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const file of files) copyFileSync(at('native', file), join(folder, file))
  for (const licence of ['LICENSE', 'THIRD-PARTY.md']) copyFileSync(at(licence), join(folder, licence))
  const { name, ...rest } = platformManifest(addon, platform)
  writeFileSync(join(folder, 'package.json'), json({ name, ...rest }))
  const text = `# ${name}\n\nThe native addons of [keelson](https://www.npmjs.com/package/keelson) for ${platform.build}.\n`
  writeFileSync(join(folder, 'README.md'), `${text}Install \`keelson\`: npm adds this package where it is needed.\n`)
  return folder
}

/** Returns the text of a page, whose links to files that are not packed lead to the repository instead. */
export function packedLinks(text, page, isPacked, { repository, version }) {
  const home = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/v${version}`
  return text.replaceAll(/\]\((?!\w+:|#)([^)#\s]+)/g, (link, target) => {
    const path = posix.join(posix.dirname(page), target)
    return isPacked(path) ? link : `](${home}/${path}`
  })
}

/** Writes the folder of the main package, with the files that `files` of package.json names. Returns its path. */
export async function writeMain() {
  const folder = at('npm', 'keelson')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const listed = await npm(['pack', '--dry-run', '--json', '--ignore-scripts'], 'npm cannot list the package.')
  const paths = filesOf(listed).map(({ path }) => path)
  const isPacked = (path) => paths.some((packed) => packed === path || packed.startsWith(`${path}/`))
  for (const path of paths) {
    cpSync(at(path), join(folder, path))
    if (path.endsWith('.md')) {
      writeFileSync(join(folder, path), packedLinks(readFileSync(at(path), 'utf8'), path, isPacked, manifest()))
    }
    // The maps stay in the checkout: with the sources they refer to they were most of the package.
    if (/\.(?:js|d\.ts)$/.test(path)) {
      const text = readFileSync(at(path), 'utf8')
      writeFileSync(join(folder, path), text.replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n'))
    }
  }
  writeFileSync(join(folder, 'package.json'), json(mainManifest()))
  return folder
}

/** The files of an answer of `npm pack --json`, of npm 10 (a list) or 11 (an object by name). */
function filesOf(output) {
  const parsed = JSON.parse(output.slice(output.search(/[[{]/)))
  return Object.values(parsed)[0].files
}

/** The path of a tarball, by npm's rule for its name. */
export const tarballOf = (name, version) => at('dist-pack', `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)

/** Packs folders into `dist-pack/`. Returns the paths of the tarballs. */
export async function packInto(folders) {
  const target = at('dist-pack')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  const tarballs = []
  for (const folder of folders) {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    await npm(['pack', '--ignore-scripts', '--pack-destination', target], `npm cannot pack ${name}.`, { cwd: folder })
    const tarball = tarballOf(name, version)
    if (!existsSync(tarball)) throw new Failure(`npm packed no ${tarball}.`)
    tarballs.push(tarball)
  }
  return tarballs
}

/** Everything that a package is made of. */
const INPUTS = ['dist', 'docs', 'native', 'index.d.ts', 'index.d.mts', 'llms.txt', 'package.json', 'scripts/lib']

/**
 * Packs the main package and the packages of this machine's platform, when something in them changed.
 *
 * Returns the paths of the tarballs, the main package first. Processes that ask at the same time wait for the first one.
 */
export function packHere() {
  const platform = here()
  const { version } = manifest()
  const names = ['keelson', ...mainAddons.map((addon) => packageOf(addon, platform))]
  const tarballs = names.map((name) => tarballOf(name, version))
  const pages = readdirSync(at()).filter((name) => /\.md$|^LICENSE$/.test(name))
  return exclusively('pack', async () => {
    const hash = fingerprint([...INPUTS, ...pages].map((path) => at(path)))
    await whenChanged('pack', hash, tarballs, async () => {
      await packInto([await writeMain(), ...mainAddons.map((addon) => writePlatform(addon, platform))])
    })
    return tarballs
  })
}
