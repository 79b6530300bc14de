// node scripts/lock.mjs: completes package-lock.json after `npm install` from a registry that does not carry the
// packages of other platforms. npm leaves those out of the lock, and then `npm ci` refuses it, there and elsewhere.
// A folder other than the repository can be named: node scripts/lock.mjs bench
import { readFileSync } from 'node:fs'

import { main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'
import { writeIfChanged } from './lib/stamp.mjs'

const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'wasm32-wasi',
  'netbsd',
  'openbsd',
  'sunos',
  'aix',
]
const processors = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'universal']

/** The `os`, `cpu` and `libc` that the name of a platform package stands for, or nothing for any other package. */
function platformOf(name) {
  const system = systems.find((word) => name.includes(`-${word}`) || name.includes(`/${word}`))
  if (system === undefined) return undefined
  if (system === 'wasm32-wasi') return { cpu: ['wasm32'] }
  const after = name.slice(name.indexOf(system) + system.length + 1)
  const cpu = processors.find((word) => after.startsWith(word))
  const libc = after.endsWith('musl') ? { libc: ['musl'] } : after.endsWith('gnu') && { libc: ['glibc'] }
  return { ...(cpu && cpu !== 'universal' && { cpu: [cpu] }), ...(system === 'linux' && libc), os: [system] }
}

/** `lock` with an entry for every platform package that an entry names and the lock lacks. */
function completed(lock) {
  const packages = { ...lock.packages }
  for (const [, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const platform = platformOf(name)
      const exact = /^\d+\.\d+\.\d+\S*$/.test(version)
      if (!platform || !exact || packages[`node_modules/${name}`]) continue
      packages[`node_modules/${name}`] = { version, ...(dev && { dev }), optional: true, ...platform }
    }
  }
  const sorted = Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')))
  return { ...lock, packages: sorted }
}

await main(() => {
  const path = at(process.argv[2] ?? '.', 'package-lock.json')
  const lock = completed(JSON.parse(readFileSync(path, 'utf8')))
  process.stdout.write(writeIfChanged(path, `${JSON.stringify(lock, null, 2)}\n`) ? 'completed\n' : 'unchanged\n')
})
