// The native addons, built by napi into .cache/ and copied from there, so that the committed native/binding.d.ts
// can be compared with the built one, and a running process never sees a half-written library.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { runBin } from './exec.mjs'
import { Failure } from './failure.mjs'
import { linkerOf, linkerStamp } from './linkers.mjs'
import { at } from './paths.mjs'
import { addons, fileOf, here, platforms } from './platforms.mjs'
import { fingerprint, forget, whenChanged } from './stamp.mjs'

// The loader carries the package's name and version.
function loaderInputs() {
  const { name, version, napi } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  return JSON.stringify({ name, version, napi })
}

const kinds = {
  // What users get. Cargo does not notice another linker, so what it links has a target directory of its own.
  release: {
    folder: at('native'),
    args: ['--release', '--target-dir', at('target', 'shipped')],
    isShipped: true,
  },
  // In its place while somebody works on the core: built in a third of the time, and slower.
  quick: { folder: at('native'), args: ['--profile', 'quick'] },
  // What the seam tests load: with the exports that exist to be broken, and with Rust's overflow checks.
  // Its own target directory keeps its exports out of the release build's type definitions.
  hooks: {
    folder: at('native', 'test'),
    args: ['--features', 'test-hooks', '--target-dir', at('target', 'test-hooks')],
  },
}

/** The addon with the core, and the one with the terminal dashboard. */
const [core, dashboard] = addons

/** The path of this platform's addon in a folder. */
export const addonIn = (folder = at('native'), addon = core) => join(folder, fileOf(addon, here()))

/** The name of the folder and of the stamp of a build. */
const nameOf = (addon, kind) => (addon === core ? kind : `${addon.crate}-${kind}`)

function place(from, to) {
  mkdirSync(join(to, '..'), { recursive: true })
  const fresh = `${to}.${process.pid}`
  copyFileSync(from, fresh)
  renameSync(fresh, to)
}

/** What napi has to know of an addon that is not the crate of the root. */
function ofCrate({ crate }) {
  if (crate === '.') return []
  const { name } = /^name = "(?<name>.+)"$/m.exec(readFileSync(at(crate, 'Cargo.toml'), 'utf8')).groups
  return ['--package', name, '--manifest-path', at(crate, 'Cargo.toml'), '--config-path', at(crate, 'napi.json')]
}

/** Runs napi. Copies the binaries that it builds into `folder`. */
async function runNapi({ addon, folder, output, args, env }) {
  rmSync(output, { recursive: true, force: true })
  const shape = ['--platform', '--no-const-enum', '--output-dir', output, '--no-js', '--dts', 'binding.d.ts']
  const sentence = 'Building the native addon failed; the compiler’s own words are above.'
  const all = ['build', ...shape, ...ofCrate(addon), ...args, '--', '--locked']
  await runBin('@napi-rs/cli', 'napi', all, sentence, { env })
  const made = readdirSync(output).filter((name) => name.endsWith('.node'))
  if (made.length === 0) throw new Failure('napi built no .node file.')
  for (const name of made) place(join(output, name), join(folder, name))
}

/** Removes binaries that no platform has: those of an addon or a platform that was renamed. */
function removeStale(folder) {
  const known = new Set(addons.flatMap((addon) => platforms().map((platform) => fileOf(addon, platform))))
  const stale = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.node')) : []
  for (const name of stale) if (!known.has(name)) rmSync(join(folder, name))
}

async function build(kind, addon) {
  const { folder, args, isShipped = false } = kinds[kind]
  for (const other of Object.keys(kinds)) if (kinds[other].folder === folder) forget(`addon-${nameOf(addon, other)}`)
  const env = isShipped ? await linkerOf(here().target) : {}
  await runNapi({ addon, folder, output: at('.cache', 'addon', nameOf(addon, kind)), args, env })
  removeStale(folder)
}

/**
 * Builds the addons of another platform into native/, from any machine that has the Rust target. A musl target is linked
 * by zig (`cargo zigbuild`), which must be installed.
 */
export async function buildFor({ target, libc }) {
  const { folder, args } = kinds.release
  const zig = libc === 'musl' ? ['--cross-compile'] : []
  const all = [...args, ...zig, '--target', target]
  for (const addon of addons) {
    const output = at('.cache', 'addon', nameOf(addon, target))
    await runNapi({ addon, folder, output, args: all, env: await linkerOf(target) })
  }
}

/** Builds one kind of an addon unless nothing that goes into it changed. Returns whether it had to. */
function buildUnlessDone(kind, toolchain, addon) {
  const { folder, args, isShipped = false } = kinds[kind]
  const linker = isShipped ? [linkerStamp(here().target)] : []
  const inputs = addon.inputs.map((path) => at(path))
  const hash = fingerprint(inputs, [toolchain, loaderInputs(), args.join(' '), ...linker])
  const name = nameOf(addon, kind)
  const outputs = [addonIn(folder, addon), at('.cache', 'addon', name, 'binding.d.ts')]
  return whenChanged(`addon-${name}`, hash, outputs, () => build(kind, addon))
}

/** Builds one kind of the addon with the core. Returns whether it had to. */
export const buildAddon = (kind, toolchain) => buildUnlessDone(kind, toolchain, core)

/** Builds one kind of the addon with the terminal dashboard. Returns whether it had to. */
export const buildDashboard = (kind, toolchain) => buildUnlessDone(kind, toolchain, dashboard)

/** The type definitions of an addon as the last build made them. */
export function builtBindingTypes(addon = core) {
  const fileOfKind = (kind) => at('.cache', 'addon', nameOf(addon, kind), 'binding.d.ts')
  const files = ['release', 'quick'].map(fileOfKind).filter(existsSync)
  const newest = files.toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0]
  return newest === undefined ? '' : readFileSync(newest, 'utf8')
}
