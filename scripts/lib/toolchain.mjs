// What has to be on the machine before anything else can work, each with one sentence when it is not.
import { readFileSync } from 'node:fs'

import { attempt } from './exec.mjs'
import { Failure } from './failure.mjs'
import { at } from './paths.mjs'

const versionIn = (text) =>
  text
    .match(/(\d+)\.(\d+)\.(\d+)/)
    ?.slice(1, 4)
    .map(Number)
const atLeast = (have, want) => {
  const index = have.findIndex((part, i) => part !== (want[i] ?? 0))
  return index === -1 || have[index] > (want[index] ?? 0)
}

/** The sentence for a Node that is too old, or nothing. The ranges are those of `engines` in package.json. */
export function nodeProblem(version) {
  const have = versionIn(version) ?? [0, 0, 0]
  const fits = have[0] === 20 ? atLeast(have, [20, 19, 0]) : atLeast(have, [22, 12, 0])
  if (fits) return undefined
  return `keelson needs Node ^20.19 or >=22.12, and this is Node ${have.join('.')}: install a newer one from https://nodejs.org.`
}

/** The sentence for a missing or old Rust, or nothing. `wanted` is `rust-version` of Cargo.toml. */
export function rustProblem(output, wanted) {
  const have = output === undefined ? undefined : versionIn(output)
  if (!have) {
    return `keelson needs a Rust toolchain (${wanted} or newer), and \`cargo\` was not found: install it from https://rustup.rs and open a new shell.`
  }
  if (atLeast(have, wanted.split('.').map(Number))) return undefined
  return `keelson needs Rust ${wanted} or newer, and this is ${have.join('.')}: run \`rustup update stable\`.`
}

const componentSentence = (name) =>
  `\`npm test\` needs ${name}, which this Rust toolchain lacks: run \`rustup component add ${name}\`.`

async function outputOf(command, args) {
  const { code, output } = await attempt(command, args)
  return code === 0 ? output : undefined
}

/** Checks Node, Cargo and, for the tests, rustfmt and clippy. Returns the toolchain's versions as one string. */
export async function checkToolchain({ components = false } = {}) {
  const node = nodeProblem(process.versions.node)
  if (node) throw new Failure(node)
  const wanted = readFileSync(at('Cargo.toml'), 'utf8').match(/^rust-version = "(.+)"/m)?.[1] ?? '1.89'
  const cargo = await outputOf('cargo', ['--version'])
  const rustc = await outputOf('rustc', ['-vV'])
  const rust = rustProblem(cargo === undefined ? undefined : rustc, wanted)
  if (rust) throw new Failure(rust)
  if (components) {
    for (const [name, command] of [
      ['rustfmt', 'fmt'],
      ['clippy', 'clippy'],
    ]) {
      if ((await outputOf('cargo', [command, '--version'])) === undefined) throw new Failure(componentSentence(name))
    }
  }
  return `${cargo}${rustc}`
}
