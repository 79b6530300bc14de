/** The folder of a user who installed the packed packages, outside of this repository. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { attempt, npm } from '../../scripts/lib/exec.mjs'
import { packHere } from '../../scripts/lib/pack.mjs'
import { root } from './root.ts'

/** The exit and the output of a program. */
export interface Finished {
  readonly code: number
  readonly output: string
}

export interface UserFolder {
  readonly home: string
  /** The tarballs that are installed in it, the main package first. */
  readonly tarballs: readonly string[]
  /** Runs a program in it. The PATH leads to the folder of the program alone, so that nothing there can build. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished>
  /** Writes a file into it. Returns its path. */
  write(file: string, text: string): string
  remove(): void
}

/** Variables of this process that a user does not have: those of its test runner, and those that keelson reads. */
const OURS = /^(?:KEELSON_|VITEST|JEST_|npm_|NODE_ENV$|NODE_OPTIONS$|NODE_PATH$)/

/** The environment of a user. The PATH leads to this folder alone, so that nothing there can build. */
export const environmentOf = (path: string): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.keys(process.env).map((name) => [name, OURS.test(name) ? undefined : process.env[name]]),
  ),
  PATH: path,
})

/** Makes packages of `modules` visible in `target`, as if they were installed there. */
function link(modules: string, target: string, name: string): void {
  mkdirSync(dirname(join(target, name)), { recursive: true })
  symlinkSync(join(modules, name), join(target, name), 'junction')
}

/** Copies a package of this repository and what it depends on, for tools that look at where a package really lies. */
export function copyPackage(name: string, home: string): void {
  const folder = join('node_modules', name)
  if (existsSync(join(home, folder))) return
  cpSync(join(root, folder), join(home, folder), { recursive: true, dereference: true })
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  for (const dependency of Object.keys(dependencies)) {
    if (!existsSync(join(home, folder, 'node_modules', dependency))) copyPackage(dependency, home)
  }
}

/**
 * Creates a folder with the packed packages, installed from their files alone: without the registry, without scripts.
 *
 * `linked` names packages of this repository that the user has too. `from` is a folder of programs to copy into it.
 */
export async function createUserFolder(linked: readonly string[] = [], from?: string): Promise<UserFolder> {
  const home = mkdtempSync(join(tmpdir(), 'keelson-user-'))
  const tarballs = await packHere()
  const write = (file: string, text: string): string => {
    mkdirSync(dirname(join(home, file)), { recursive: true })
    writeFileSync(join(home, file), text)
    return join(home, file)
  }
  const run: UserFolder['run'] = (command, args, env = {}) =>
    attempt(command, [...args], { cwd: home, env: { ...environmentOf(dirname(command)), ...env } })
  write('package.json', JSON.stringify({ name: 'user', private: true }))
  // An npm that was not started by npm is found on the PATH.
  const env = process.env['npm_execpath'] === undefined ? {} : { PATH: dirname(process.execPath) }
  await npm(['install', '--offline', '--ignore-scripts', ...tarballs], 'The packages cannot be installed.', {
    cwd: home,
    env,
  })
  for (const name of linked) link(join(root, 'node_modules'), join(home, 'node_modules'), name)
  if (from !== undefined)
    for (const name of readdirSync(from)) cpSync(join(from, name), join(home, name), { recursive: true })
  return { home, tarballs, run, write, remove: () => rmSync(home, { recursive: true, force: true }) }
}
