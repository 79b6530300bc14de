// The package as it is published: what it weighs, and what the first `import` or `require` of each entry costs. Packs the
// package, unpacks it beside the peers, and starts a program of its own for each figure.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { entries } from '../../scripts/lib/entries.mjs'
import { packHere } from '../../scripts/lib/pack.mjs'
import { at } from '../../scripts/lib/paths.mjs'
import { addons, here, packageOf } from '../../scripts/lib/platforms.mjs'
import { filesIn } from '../../scripts/lib/stamp.mjs'

const modules = at('.cache', 'bench-package', 'node_modules')
const program = fileURLToPath(new URL('../lib/cold-start.mjs', import.meta.url))

/** Unpacks a tarball as the package of this name. Returns its sizes. */
function unpack(tarball, name) {
  const folder = join(modules, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', folder])
  const files = filesIn(folder)
  const unpacked = files.reduce((sum, file) => sum + statSync(file).size, 0)
  return { name, packed: statSync(tarball).size, unpacked, files: files.length }
}

/** Links a peer, so that both sides are found by the same way. */
function link(name) {
  const path = join(modules, name)
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) symlinkSync(at('bench', 'node_modules', name), path, 'junction')
}

const [main, ...binaries] = await packHere()
const packages = [
  unpack(main, 'keelson'),
  ...binaries.map((tarball, index) => unpack(tarball, packageOf(addons[index], here()))),
]
link('express')

/** A program that prints what one look at the clock or the memory gives. */
const shows = (...args) => ({ file: program, args: [modules, ...args], name: args.at(-1) })

const KIB = 1024
const sizes = packages.flatMap(({ name, ...figures }) => [
  { name: `${name}, packed`, unit: 'KiB', rounds: 1, paired: { ours: shows('say', String(figures.packed / KIB)) } },
  { name: `${name}, unpacked`, unit: 'KiB', rounds: 1, paired: { ours: shows('say', String(figures.unpacked / KIB)) } },
  { name: `${name}, files`, unit: 'files', rounds: 1, paired: { ours: shows('say', String(figures.files)) } },
])

const [whole, quarter, small] = [{ ratio: 0.35 }, { ratio: 0.25 }, { ratio: 0.12 }]

/** The bars of the entries that have one. */
const BARS = {
  '.': whole,
  './otp': quarter,
  './express': quarter,
  './effect': quarter,
  './atrion': quarter,
  './clock': small,
  './atom': small,
  './journal': small,
  './testing': small,
}

const nameOf = (subpath) => (subpath === '.' ? 'keelson' : `keelson/${subpath.slice('./'.length)}`)

/** Both ways to load an entry, each against `require('express')` in a process of its own. */
const starts = entries().flatMap(({ subpath }) =>
  ['require', 'import'].map((how) => ({
    name: `${how} ${nameOf(subpath)}`,
    unit: 'ms',
    rounds: 15,
    paired: { ours: shows('time', how, nameOf(subpath)), peer: shows('time', 'require', 'express') },
    bar: BARS[subpath],
  })),
)

const memory = ['require', 'import'].map((how) => ({
  name: `${how} keelson, resident memory over an empty program`,
  unit: 'MiB',
  rounds: 15,
  paired: { ours: shows('memory', how, 'keelson'), peer: shows('memory', 'require', 'express') },
  bar: { value: 8 },
}))

export default { name: 'package', cases: [...sizes, ...starts, ...memory] }
