// The platforms that keelson is built for, and the addons that it is made of.
import { readFileSync } from 'node:fs'

import { Failure } from './failure.mjs'
import { at } from './paths.mjs'

/**
 * The native addons of the package; the loader (`js/load-addon.ts`) has the same list. Addons whose platform packages have
 * the same names lie in the same packages. The first one of a package is its main file.
 *
 * `file` is the beginning of the file's name, and `packages` that of the names of its platform packages. `crate` is the
 * folder of its crate, `inputs` what it is built from, and `types` the file in native/ with its declarations.
 */
export const addons = [
  {
    file: 'keelson',
    packages: '@keelson/binding',
    crate: '.',
    inputs: ['src', 'web', 'Cargo.toml', 'Cargo.lock', 'build.rs'],
    types: 'binding.d.ts',
  },
  {
    file: 'keelson-dashboard',
    packages: '@keelson/binding',
    crate: 'dashboard',
    inputs: ['dashboard', 'Cargo.toml', 'Cargo.lock'],
    types: 'dashboard.d.ts',
  },
]

/** The addons in the packages of an addon. */
export const beside = ({ packages }) => addons.filter((addon) => addon.packages === packages)

/** The first addon of each package, which is its main file. */
export const mainAddons = addons.filter((addon) => beside(addon)[0] === addon)

/** What npm and Node call the parts of a Rust target. */
const CPUS = { x86_64: 'x64', aarch64: 'arm64' }
const SYSTEMS = {
  'unknown-linux-gnu': { os: 'linux', abi: 'gnu', libc: 'glibc' },
  'unknown-linux-musl': { os: 'linux', abi: 'musl', libc: 'musl' },
  'apple-darwin': { os: 'darwin' },
  'pc-windows-msvc': { os: 'win32', abi: 'msvc' },
}

/** A platform: `{ target, build, os, cpu, libc? }`, where `build` is the part of names: `linux-x64-gnu`. */
function platformOf(target) {
  const [arch, ...rest] = target.split('-')
  const cpu = CPUS[arch]
  const system = SYSTEMS[rest.join('-')]
  if (cpu === undefined || system === undefined) throw new Failure(`scripts/lib/platforms.mjs does not know ${target}.`)
  const { os, abi, libc } = system
  const build = [os, cpu, abi].filter((part) => part !== undefined).join('-')
  return { target, build, os, cpu, ...(libc === undefined ? {} : { libc }) }
}

/** Every platform, in the order of `napi.targets` of package.json. */
export const platforms = () => JSON.parse(readFileSync(at('package.json'), 'utf8')).napi.targets.map(platformOf)

/** The C library of this machine, when it is a Linux. */
export function libcHere() {
  if (process.platform !== 'linux') return undefined
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}

/** The platform of this machine. */
export function here() {
  const libc = libcHere()
  const found = platforms().find(
    ({ os, cpu, libc: own }) => os === process.platform && cpu === process.arch && own === libc,
  )
  if (found === undefined) {
    throw new Failure(`keelson has no package for ${process.platform}-${process.arch}${libc ? ` (${libc})` : ''}.`)
  }
  return found
}

/** The name of an addon's file on a platform. */
export const fileOf = ({ file }, { build }) => `${file}.${build}.node`

/** The name of an addon's package for a platform. */
export const packageOf = ({ packages }, { build }) => `${packages}-${build}`
