// Bundles of a small server, made by the lines of docs/bundling.md, run where nothing else is installed.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { addons } from '../../scripts/lib/platforms.mjs'
import { packageTools, TOOLS } from '../../scripts/lib/runtimes.mjs'
import { root } from '../support/root.ts'
import { copyPackage, createUserFolder, type UserFolder } from '../support/user-folder.ts'

const page = readFileSync(join(root, 'docs', 'bundling.md'), 'utf8')

/** The block of the page that has this text. */
function blockWith(text: string): string {
  const found = Array.from(page.matchAll(/^```\w+\n([\s\S]*?)^```$/gm), ([, block]) => block as string).filter(
    (block) => block.includes(text),
  )
  expect(found, `blocks of docs/bundling.md with ${text}`).toHaveLength(1)
  return found[0] as string
}

let user: UserFolder
/** A folder with keelson alone. */
let deployed: UserFolder
const empty = mkdtempSync(join(tmpdir(), 'keelson-bundle-'))
beforeAll(async () => {
  await packageTools()
  user = await createUserFolder([], join(import.meta.dirname, 'user', 'bundles'))
  // Linked into this repository, it would be bundled with the settings of this repository's compiler.
  copyPackage('express', user.home)
  deployed = await createUserFolder()
})
afterAll(() => {
  user.remove()
  deployed.remove()
  rmSync(empty, { recursive: true, force: true })
})

/** Runs the lines of a block in the folder of the user, with the bundlers that `npx` would find. */
async function runLines(lines: string): Promise<string> {
  const npx = `npx() { local name=$1; shift; ${JSON.stringify(join(TOOLS, 'node_modules', '.bin'))}/"$name" "$@"; }`
  const node = `node() { ${JSON.stringify(process.execPath)} "$@"; }`
  const script = ['set -e', npx, node, lines].join('\n')
  const { code, output } = await user.run('bash', ['-c', script], { PATH: process.env['PATH'] })
  expect(code, output).toBe(0)
  return output
}

/** The third request is beyond the limit. */
const ANSWERS = '200 200 429'

/** Runs the bundle `file`, made in `folder` of the user, in a folder of its own, from where it is deployed. */
async function runs(folder: string, at: string): Promise<void> {
  cpSync(join(user.home, folder), join(at, folder), { recursive: true })
  const { code, output } = await user.run(process.execPath, [join(at, folder, 'server.cjs')])
  expect(code, output).toBe(0)
  expect(output.trim()).toBe(ANSWERS)
}

describe('esbuild', () => {
  test('with keelson outside of the bundle', async () => {
    const output = await runLines(blockWith('--external:keelson'))
    expect(output.trim().split('\n').at(-1)).toBe(ANSWERS)
    await runs('out', deployed.home)
    rmSync(join(user.home, 'out'), { recursive: true })
  })

  test('with the addon beside the bundle, and no node_modules', async () => {
    const output = await runLines(blockWith('cp node_modules'))
    expect(output.trim().split('\n').at(-1)).toBe(ANSWERS)
    expect(readdirSync(join(user.home, 'out'))).toHaveLength(1 + addons.length)
    await runs('out', empty)
  })
})

test('webpack', async () => {
  user.write('webpack.config.mjs', blockWith('webpack.config.mjs'))
  // What the command of webpack-cli does.
  const build = user.write(
    'build.mjs',
    `import { createRequire } from 'node:module'
    import config from './webpack.config.mjs'
    const webpack = createRequire(${JSON.stringify(join(TOOLS, 'package.json'))})('webpack')
    webpack({ ...config, context: import.meta.dirname }, (error, stats) => {
      if (error !== null || stats.hasErrors()) throw error ?? new Error(stats.toString())
    })`,
  )
  const { code, output } = await user.run(process.execPath, [build])
  expect(code, output).toBe(0)
  await runs('dist', deployed.home)
})
