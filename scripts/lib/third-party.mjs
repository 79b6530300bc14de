// THIRD-PARTY.md: the licences of what is linked into the addon of any platform, from the sources of the crates.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { Failure } from './failure.mjs'
import { at, root } from './paths.mjs'
import { platforms } from './platforms.mjs'

const HEADER = `# Third-party licences

keelson has no npm dependency. Its native addons are linked with the crates below, and with the Rust standard library
(MIT OR Apache-2.0, © The Rust Project Contributors). A crate that offers a choice of licences is used under the MIT
licence, or else under the Apache licence 2.0. \`npm run types\` writes this page from the sources of the crates.
`

/** What Cargo knows about the crates of all platforms. */
function metadata() {
  const targets = platforms().flatMap(({ target }) => ['--filter-platform', target])
  const args = ['metadata', '--locked', '--format-version', '1', ...targets]
  try {
    const output = execFileSync('cargo', args, { cwd: root, maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'pipe'] })
    return JSON.parse(output.toString('utf8'))
  } catch (error) {
    throw new Failure('Cargo cannot list the crates of the addons.', String(error.stderr ?? error))
  }
}

const isMacro = ({ targets }) => targets.some(({ kind }) => kind.includes('proc-macro'))

const keyOf = ({ name, version }) => `${name} ${version}`

/** The crates that are linked into the addons: no build scripts, no macros, no tests. Sorted by name and version. */
export function linkedCrates({ packages, resolve, workspace_members: own = [resolve.root] }) {
  const crates = new Map(packages.map((crate) => [crate.id, crate]))
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]))
  const seen = new Set(own)
  const linked = []
  // The set grows while it is walked.
  for (const id of seen) {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      const crate = crates.get(pkg)
      if (seen.has(pkg) || isMacro(crate) || !kinds.some(({ kind }) => kind === null)) continue
      seen.add(pkg)
      linked.push(crate)
    }
  }
  return linked.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))
}

/** Licences that allow what keelson's own allows. A crate of another needs a decision first. */
const ACCEPTED = /\b(?:MIT|ISC|Apache-2\.0|BSD-[23]-Clause|Zlib)\b/

/** Fails for a crate whose licence is not one of those. */
export function checkLicence({ name, license }) {
  if (ACCEPTED.test(license ?? '')) return
  throw new Failure(
    `The crate ${name} has the licence ${license ?? 'none'}, which scripts/lib/third-party.mjs does not accept.`,
  )
}

/** The names of licence files, the most welcome first. */
const FILES = [
  /^licen[sc]e[-_.]mit(\.\w+)?$/i,
  /^licen[sc]e(\.\w+)?$/i,
  /^copying(\.\w+)?$/i,
  /^licen[sc]e[-_.]apache(\.\w+)?$/i,
]

/** The licence text of a crate: its own file, or else the MIT text with its authors. */
function textOf({ name, license, authors, manifest_path: manifest }) {
  const folder = dirname(manifest)
  const names = readdirSync(folder)
  const file = FILES.map((wanted) => names.find((one) => wanted.test(one))).find((one) => one !== undefined)
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8').replaceAll('\r', '').trim()
  if (license !== 'MIT') throw new Failure(`The crate ${name} has no licence file, and its licence is ${license}.`)
  const holders = authors.length === 0 ? `the authors of ${name}` : authors.join(', ').replaceAll(/ <[^>]*>/g, '')
  return readFileSync(at('LICENSE'), 'utf8')
    .replace(/^Copyright .*$/m, `Copyright (c) ${holders}`)
    .trim()
}

/** Returns the page. Crates with the same text share it. */
export function thirdPartyText() {
  const crates = linkedCrates(metadata())
  const texts = new Map()
  for (const crate of crates) {
    checkLicence(crate)
    const text = textOf(crate)
    texts.set(text, [...(texts.get(text) ?? []), crate])
  }
  const rows = crates.map(
    ({ name, version, license, repository }) => `| [${name}](${repository}) | ${version} | ${license} |`,
  )
  const parts = [...texts].map(
    ([text, users]) => `## ${users.map(({ name }) => name).join(', ')}\n\n\`\`\`text\n${text}\n\`\`\`\n`,
  )
  return [HEADER, ['| Crate | Version | Licence |', '| --- | --- | --- |', ...rows, ''].join('\n'), ...parts].join('\n')
}
