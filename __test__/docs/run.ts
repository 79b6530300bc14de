/** Runs a code block of a page as a program of its own. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { text as textOf } from 'node:stream/consumers'

import { freePort } from '../atrion/provider/redis-server.ts'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'
import { root } from '../support/root.ts'
import { type Block, fileNameOf, preludeOf, typesFolder } from './documented.ts'
import type { Printed } from './outputs.ts'

// Inside the package, so that its own name resolves; ignored by git.
const folder = `${root}.cache/docs/`
const here = new URL('./', import.meta.url).href

/** Compiles the TypeScript blocks among those that {@link faultsOf} has written, as Node 20 runs none. */
export function compile(typed: readonly Block[]): void {
  const config = `${typesFolder}tsconfig.run.json`
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    noCheck: true,
    inlineSourceMap: true,
    rootDir: '.',
    outDir: folder,
  }
  const files = typed.map((block) => `${fileNameOf(block)}.mts`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(config, JSON.stringify({ compilerOptions, files }))
  const tsc = `${root}node_modules/typescript/bin/tsc`
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', config], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stdout)
}

export interface Ran {
  readonly status: number | null
  readonly stderr: string
  /** The texts that `console.log` printed, by line of the block. */
  readonly printed: readonly Printed[]
  /** For a failed test: everything that was written. */
  readonly all: string
}

/** The arguments with which Node runs a block in the way that its language names. */
function argsOf(how: string, file: string): string[] {
  const record = ['--enable-source-maps', '--import', new URL('record-output.mjs', here).href]
  switch (how) {
    case 'run':
      return [...record, file]
    case 'vitest': {
      writeFileSync(
        `${folder}vitest.config.mjs`,
        `export default { test: { include: ['*-md-*.mjs'], pool: 'forks', server: { deps: { external: [/\\/dist\\//] } } } }\n`,
      )
      return [`${root}node_modules/vitest/vitest.mjs`, 'run', '--root', folder, basename(file)]
    }
    case 'jest': {
      const config = { rootDir: folder, testMatch: [file], testEnvironment: 'node', transform: {}, watchman: false }
      return [`${root}node_modules/jest/bin/jest.js`, '--config', JSON.stringify(config)]
    }
    default:
      return [...record, new URL('run-fragment.mjs', here).pathname]
  }
}

/** Runs a block. `replaced` are texts that stand for something of the reader's machine, such as an address. */
export async function run(block: Block, replaced: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const { language, code } = block
  const prelude = preludeOf(code)
  // Jest runs CommonJS.
  const file = `${folder}${fileNameOf(block)}.${language.endsWith('jest') ? 'cjs' : 'mjs'}`
  const output = `${file}.output`
  mkdirSync(folder, { recursive: true })
  if (language.startsWith('js')) writeFileSync(file, prelude + code)
  const port = await freePort()
  let text = readFileSync(file, 'utf8').replaceAll(/(listen\(|port: |localhost:|127\.0\.0\.1:)3000\b/g, `$1${port}`)
  for (const [there, instead] of Object.entries(replaced)) text = text.replaceAll(there, instead)
  writeFileSync(file, text)
  rmSync(output, { force: true })
  writeFileSync(output, '')
  const [, way = 'fragment'] = language.split(' ')
  const how = way === 'peer' ? 'run' : way
  const cwd = mkdtempSync(`${folder}cwd-`)
  const child = spawn(process.execPath, argsOf(how, file), {
    // A block may make files beside itself, and a worker resolves the package from here.
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: HANG_GUARD_MS,
    env: { ...process.env, KEELSON_BLOCK: fileNameOf(block), KEELSON_BLOCK_OUTPUT: output, KEELSON_FRAGMENT: file },
  })
  const [stdout, stderr, [status]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, 'close'),
  ])
  rmSync(cwd, { recursive: true, force: true })
  const skipped = prelude.split('\n').length - 1
  const lines = readFileSync(output, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  const printed = lines.map((line) => JSON.parse(line) as Printed)
  return {
    status: status as number | null,
    stderr,
    printed: printed.map(({ line, text: said }) => ({ line: line - skipped, text: said })),
    all: stdout + stderr + lines.join('\n'),
  }
}
