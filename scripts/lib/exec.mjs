// Running other programs: captured by default, shown only when they fail.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { Failure } from './failure.mjs'
import { root } from './paths.mjs'

// Escape sequences would end up in the output that is kept for a failure.
const ansi = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;]*[A-Za-z]|\\(B)`, 'g')
const plain = { NO_COLOR: '1', TERM: 'dumb', CARGO_TERM_COLOR: 'never', CARGO_TERM_PROGRESS_WHEN: 'never' }

/** Runs a program; resolves with its exit code and its output, also when it fails or does not exist. */
export function attempt(command, args, { cwd = root, env = {}, show = false, shell = false } = {}) {
  return new Promise((resolve) => {
    const colours = show ? {} : plain
    const environment = { ...process.env, ...colours, ...env }
    if (!show) delete environment.FORCE_COLOR
    const stdio = show ? 'inherit' : ['ignore', 'pipe', 'pipe']
    const child = spawn(command, args, { cwd, env: environment, stdio, shell })
    const chunks = []
    child.stdout?.on('data', (chunk) => chunks.push(chunk))
    child.stderr?.on('data', (chunk) => chunks.push(chunk))
    const output = () => Buffer.concat(chunks).toString('utf8').replaceAll(ansi, '')
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code, signal) => resolve({ code: code ?? 1, signal, output: output() }))
  })
}

/** Runs a program that has to succeed; its output is returned, or thrown with `sentence`. */
export async function run(command, args, sentence, options) {
  const { code, signal, output } = await attempt(command, args, options)
  if (code === 0) return output
  const end = signal ? ` (ended by ${signal})` : ''
  throw new Failure(`${sentence}${end}`, output)
}

/** The script behind a command of a package that is installed in `folder`, to be run with this Node on any platform. */
export function bin(packageName, command = packageName, folder = root) {
  const home = join(folder, 'node_modules', packageName)
  const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  return join(home, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command])
}

/** Runs an installed package's command that has to succeed. */
export const runBin = (packageName, command, args, sentence, options) =>
  run(process.execPath, [bin(packageName, command), ...args], sentence, options)

/** Runs npm: the one that started us, when there is one. */
export function npm(args, sentence, options) {
  const cli = process.env.npm_execpath
  if (cli?.endsWith('npm-cli.js')) return run(process.execPath, [cli, ...args], sentence, options)
  return run('npm', args, sentence, { ...options, shell: process.platform === 'win32' })
}
