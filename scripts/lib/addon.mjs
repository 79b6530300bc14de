// The native addon, built by napi into .cache/ and copied from there, so that the committed native/binding.d.ts
// can be compared with the built one, and a running process never sees a half-written library.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { runBin } from './exec.mjs'
import { Failure } from './failure.mjs'
import { at } from './paths.mjs'
import { addons, fileOf, here } from './platforms.mjs'
import { fingerprint, forget, whenChanged } from './stamp.mjs'

const inputs = ['src', 'Cargo.toml', 'Cargo.lock', 'build.rs'].map((path) => at(path))
// The loader carries the package's name and version.
function loaderInputs() {
  const { name, version, napi } = JSON.parse(readFileSync(at('package.json'), 'utf8'))
  return JSON.stringify({ name, version, napi })
}

const kinds = {
  // What users get.
  release: { folder: at('native'), args: ['--release'] },
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

async function build(kind) {
  const { folder, args } = kinds[kind]
  const output = at('.cache', 'addon', kind)
  for (const other of Object.keys(kinds)) if (kinds[other].folder === folder) forget(`addon-${other}`)
  rmSync(output, { recursive: true, force: true })
  const shape = ['--platform', '--no-const-enum', '--output-dir', output, '--no-js', '--dts', 'binding.d.ts']
  const sentence = 'Building the native addon failed; the compiler’s own words are above.'
  await runBin('@napi-rs/cli', 'napi', ['build', ...shape, ...args, '--', '--locked'], sentence)
  const made = readdirSync(output).filter((name) => name.endsWith('.node'))
  if (made.length === 0) throw new Failure('napi built no .node file.')
  const stale = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.node')) : []
  for (const name of stale) if (!made.includes(name)) rmSync(join(folder, name))
  for (const name of made) place(join(output, name), join(folder, name))
}

/** Builds one kind of addon unless nothing that goes into it changed. Returns whether it had to. */
export function buildAddon(kind, toolchain) {
  const { folder } = kinds[kind]
  const hash = fingerprint(inputs, [toolchain, loaderInputs(), kinds[kind].args.join(' ')])
  const outputs = [addonIn(folder), at('.cache', 'addon', kind, 'binding.d.ts')]
  return whenChanged(`addon-${kind}`, hash, outputs, () => build(kind))
}

/** The type definitions of the addon as the last build made them. */
export function builtBindingTypes() {
  const files = ['release', 'quick'].map((kind) => at('.cache', 'addon', kind, 'binding.d.ts')).filter(existsSync)
  const newest = files.toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0]
  return newest === undefined ? '' : readFileSync(newest, 'utf8')
}
