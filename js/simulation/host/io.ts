/** Files, sockets, processes and threads, which a simulated program must not use. */
import { builtin } from '../../internal/builtin.ts'
import type { Replacements } from '../../testing/fakes/replacements.ts'
import type { HostFunction } from '../../testing/fakes/timers.ts'
import { programFrames } from './site.ts'

type Functions = Record<string, unknown>

/** Functions of the host whose use by Node itself is no leak: it loads modules and prints. */
const BY_NODE = /node:internal\/(?:modules|console|bootstrap|process\/(?:stdio|esm))|node:tty/

const isByNode = (): boolean => BY_NODE.test(new Error('here').stack ?? '')

/** The module loader of jest in the first frame: it reads the files of modules that a program loads late. */
const BY_JEST = /^at (?:(?! at ).)*[\\/]node_modules[\\/]jest-(?:runtime|resolve|transform|haste-map)[\\/]/

const isByLoader = (): boolean => isByNode() || BY_JEST.test(programFrames() ?? '')

/**
 * Makes functions that do I/O fail the run.
 *
 * @param refuse Fails the run, and throws.
 */
export function replaceIo(replacements: Replacements, refuse: (what: string) => void, isActive: () => boolean): void {
  const guard = (owner: object, names: readonly string[], prefix: string): void => {
    for (const name of names) {
      const host = (owner as Functions)[name]
      if (typeof host !== 'function') continue
      const guarded = function (this: unknown, ...args: unknown[]): unknown {
        if (isActive() && !isByLoader()) refuse(`${prefix}${name}`)
        return Reflect.apply(host as HostFunction, this, args)
      }
      // Functions such as `fs.realpath` have others as properties.
      Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(host))
      replacements.replace(owner, name, guarded)
    }
  }
  const fs = builtin('node:fs')
  guard(fs, functionsOf(fs), 'fs.')
  guard(fs.promises, functionsOf(fs.promises), 'fs.promises.')
  const net = builtin('node:net')
  guard(net.Socket.prototype, ['connect'], 'net.Socket.')
  guard(net.Server.prototype, ['listen'], 'net.Server.')
  guard(builtin('node:dgram'), ['createSocket'], 'dgram.')
  const dns = builtin('node:dns')
  guard(dns, ['lookup', 'lookupService', 'resolve', 'resolve4', 'resolve6', 'reverse'], 'dns.')
  guard(dns.promises, ['lookup', 'lookupService', 'resolve', 'resolve4', 'resolve6', 'reverse'], 'dns.promises.')
  const child = builtin('node:child_process')
  guard(child, ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'], 'child_process.')
  guard(globalThis, ['fetch'], '')
  guardWorker(replacements, refuse, isActive)
}

/** Returns the names of the functions of a module. Classes and constants, some of which warn when read, are left out. */
const functionsOf = (owner: object): string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(owner))
    .filter(([name, { value }]) => typeof value === 'function' && /^[a-z]/.test(name))
    .map(([name]) => name)

/** A class needs a proxy, so that its instances stay what they are. */
function guardWorker(replacements: Replacements, refuse: (what: string) => void, isActive: () => boolean): void {
  const threads = builtin('node:worker_threads')
  const guarded = new Proxy(threads.Worker, {
    construct(target, args, newTarget) {
      if (isActive()) refuse('worker_threads.Worker')
      return Reflect.construct(target, args, newTarget) as object
    },
  })
  replacements.replace(threads, 'Worker', guarded)
}
