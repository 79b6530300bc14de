/** Finds and loads a native addon of this platform. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { BindingMissingError, BindingVersionError } from './errors/errors.ts'
import { VERSION } from './version.ts'

/** A native addon of the package. */
export interface AddonName {
  /** The beginning of its file's name: `keelson` of `keelson.linux-x64-gnu.node`. */
  readonly file: string
  /** The beginning of the name of its platform packages. */
  readonly packages: string
  /** The environment variable with the path of a file that is loaded instead. */
  readonly variable: string
}

/** The addon with the core. `scripts/lib/platforms.mjs` lists the addons for builds and releases. */
export const BINDING: AddonName = {
  file: 'keelson',
  packages: '@keelson/binding',
  variable: 'KEELSON_BINDING_PATH',
}

/** The addon with the terminal dashboard, which lies in the same packages. Only the dashboard loads it. */
export const DASHBOARD: AddonName = {
  file: 'keelson-dashboard',
  packages: '@keelson/binding',
  variable: 'KEELSON_DASHBOARD_BINDING_PATH',
}

/** The builds that are published: `napi.targets` of `package.json`. */
const PUBLISHED: ReadonlySet<string> = new Set([
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
])

/** What every addon exports. */
interface Versioned {
  /** Returns the version of the package that it was built for. */
  addonVersion?(): string
}

/** A platform, as errors and reports name it. */
export interface Platform {
  /** The operating system and the processor, as Node names them: `linux-x64`. */
  readonly name: string
  /** The C library of a Linux; `undefined` elsewhere. */
  readonly libc: 'glibc' | 'musl' | undefined
  /** The version of glibc; `undefined` without glibc. */
  readonly glibc: string | undefined
  /** The package with the addon; `undefined` where none is published. */
  readonly package: string | undefined
}

/** Returns the platform of this process. Takes some milliseconds: only errors and reports need it. */
export function platformOf({ packages }: AddonName): Platform {
  const isLinux = process.platform === 'linux'
  // Looking up the names of network interfaces takes seconds on some machines. The types do not know the switch.
  Object.assign(process.report, { excludeNetwork: true })
  const report = isLinux ? (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }) : {}
  const glibc = report.header?.glibcVersionRuntime
  const libc = isLinux ? (glibc === undefined ? 'musl' : 'glibc') : undefined
  const wanted = builds()[libc === 'musl' ? 1 : 0] as string
  return {
    name: `${process.platform}-${process.arch}`,
    libc,
    glibc,
    package: PUBLISHED.has(wanted) ? `${packages}-${wanted}` : undefined,
  }
}

/** Returns the names of the builds that may run here, the likeliest first. npm installs only one of them. */
function builds(): string[] {
  const { arch, platform } = process
  if (platform === 'linux') return [`linux-${arch}-gnu`, `linux-${arch}-musl`]
  return [platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`]
}

/** Returns the reason at the bottom of a chain of causes. */
function deepest(error: unknown): unknown {
  let reason = error
  for (let depth = 0; depth < 10; depth++) {
    const { cause } = Object(reason) as { cause?: unknown }
    if (cause === undefined) break
    reason = cause
  }
  return reason
}

const isNotFound = (error: unknown): boolean => (Object(error) as { code?: unknown }).code === 'MODULE_NOT_FOUND'

/** Loads a module; `undefined` when there is none of this name. */
function loaded(name: string): unknown {
  try {
    require.resolve(name)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
  return require(name)
}

/** An addon that was loaded, and the file or package that has it. */
export interface LoadedAddon {
  readonly addon: unknown
  readonly from: string
}

/** Returns where the file of an addon may be: in `native/` of a checkout, or beside a bundle that a user made. */
const placesOf = (file: string): string[] => [join(__dirname, '..', 'native', file), join(__dirname, file)]

/**
 * Loads an addon: the file in `native/` of a checkout, one beside this program, or else the package of this platform.
 *
 * @throws BindingMissingError when there is none, or it cannot be loaded; BindingVersionError when it was built for
 *   another version of the package. Both name the platform and the package.
 */
export function loadAddon(name: AddonName): LoadedAddon {
  const { file, packages, variable } = name
  const { [variable]: path } = process.env
  let failure: unknown
  for (const build of builds()) {
    const local = path ?? placesOf(`${file}.${build}.node`).find((place) => existsSync(place))
    try {
      // A package has the files of all addons. The one with the core is its main file.
      const inside = `${packages}-${build}${name === BINDING ? '' : `/${file}.${build}.node`}`
      const addon = local === undefined ? loaded(inside) : (require(local) as unknown)
      if (addon === undefined) continue
      const from = local ?? inside
      checkVersion(addon as Versioned, from)
      return { addon, from }
    } catch (error) {
      if (error instanceof BindingVersionError) throw error
      failure ??= error
    }
  }
  const { name: platform, libc, package: wanted } = platformOf(name)
  const cause = deepest(failure)
  const { message: reason = 'for no reason that was given' } = Object(cause) as { message?: string }
  throw new BindingMissingError({ platform, libc, package: wanted, cause, reason })
}

function checkVersion(addon: Versioned, name: string): void {
  const version = addon.addonVersion?.() ?? 'unknown'
  if (version !== VERSION) throw new BindingVersionError(name, VERSION, version)
}
