// The native addon, built by napi into .cache/ and copied from there, so that the committed native/binding.d.ts
// can be compared with the built one, and a running process never sees a half-written library.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { runBin } from './exec.mjs'
import { Failure } from './failure.mjs'
import { linkerOf, linkerStamp } from './linkers.mjs'
import { at } from './paths.mjs'
import { addons, fileOf, here, platforms } from './platforms.mjs'
import { fingerprint, forget, whenChanged } from './stamp.mjs'

const inputs = ['src', 'Cargo.toml', 'Cargo.lock', 'build.rs'].map((path) => at(path))
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

/** The path of this platform's addon in a folder. */
export const addonIn = (folder = at('native')) => join(folder, fileOf(addons[0], here()))

function place(from, to) {
  mkdirSync(join(to, '..'), { recursive: true })
  const fresh = `${to}.${process.pid}`
  copyFileSync(from, fresh)
  renameSync(fresh, to)
}

/** Runs napi. Copies the binaries that it builds into `folder`. */
async function runNapi({ folder, output, args, env }) {
  rmSync(output, { recursive: true, force: true })
  const shape = ['--platform', '--no-const-enum', '--output-dir', output, '--no-js', '--dts', 'binding.d.ts']
  const sentence = 'Building the native addon failed; the compiler’s own words are above.'
  await runBin('@napi-rs/cli', 'napi', ['build', ...shape, ...args, '--', '--locked'], sentence, { env })
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

async function build(kind) {
  const { folder, args, isShipped = false } = kinds[kind]
  for (const other of Object.keys(kinds)) if (kinds[other].folder === folder) forget(`addon-${other}`)
  const env = isShipped ? await linkerOf(here().target) : {}
  await runNapi({ folder, output: at('.cache', 'addon', kind), args, env })
  removeStale(folder)
}

/**
 * Builds the addon of another platform into native/, from any machine that has the Rust target. A musl target is linked
 * by zig (`cargo zigbuild`), which must be installed.
 */
export async function buildFor({ target, libc }) {
  const { folder, args } = kinds.release
  const output = at('.cache', 'addon', target)
  const zig = libc === 'musl' ? ['--cross-compile'] : []
  await runNapi({ folder, output, args: [...args, ...zig, '--target', target], env: await linkerOf(target) })
}

/** Builds one kind of addon unless nothing that goes into it changed. Returns whether it had to. */
export function buildAddon(kind, toolchain) {
  const { folder, args, isShipped = false } = kinds[kind]
  const linker = isShipped ? [linkerStamp(here().target)] : []
  const hash = fingerprint(inputs, [toolchain, loaderInputs(), args.join(' '), ...linker])
  const outputs = [addonIn(folder), at('.cache', 'addon', kind, 'binding.d.ts')]
  return whenChanged(`addon-${kind}`, hash, outputs, () => build(kind))
}

/** The type definitions of the addon as the last build made them. */
export function builtBindingTypes() {
  const files = ['release', 'quick'].map((kind) => at('.cache', 'addon', kind, 'binding.d.ts')).filter(existsSync)
  const newest = files.toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0]
  return newest === undefined ? '' : readFileSync(newest, 'utf8')
}
