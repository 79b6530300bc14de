// The installed packages under the oldest and the newest Node: entries, test runners and servers. `npm run matrix` sets
// KEELSON_MATRIX to run it under every version.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { entries } from '../../scripts/lib/entries.mjs'
import { NODES, NODES_OF_TEST, runtime } from '../../scripts/lib/runtimes.mjs'
import { createUserFolder, type UserFolder } from '../support/user-folder.ts'

const nodes = (process.env['KEELSON_MATRIX'] === undefined ? NODES_OF_TEST : NODES) as string[]

const { TESTS } = createRequire(import.meta.url)('./user/suite.cjs') as { readonly TESTS: number }
const servers = ['express', 'express4', 'fastify', 'koa', 'koa2', 'hono']
const programs: Readonly<Record<string, string>> = { express4: 'express', koa2: 'koa' }

let user: UserFolder
beforeAll(async () => {
  const runners = ['jest', '@jest', 'vitest']
  user = await createUserFolder([...servers, '@hono', ...runners], join(import.meta.dirname, 'user'))
})
afterAll(() => user.remove())

const names = entries().map(({ subpath }) => (subpath === '.' ? 'keelson' : `keelson/${subpath.slice(2)}`))

const bin = (path: string): string => join(user.home, 'node_modules', ...path.split('/'))

describe.each(nodes)('Node %s', (name) => {
  let node = process.execPath
  beforeAll(async () => {
    const found = await runtime(name)
    if (found === undefined) throw new Error(`The registry has no Node ${name} for this platform.`)
    node = found
  })

  /** Runs Node in the folder of the user. The run must succeed. */
  async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { code, output } = await user.run(node, args, env)
    expect(code, output).toBe(0)
    return output
  }

  test('is that version', async () => {
    expect((await run(['--version'])).trim()).toMatch(new RegExp(`^v${name}\\.`))
  })

  test('every entry can be required and imported, as one module', async () => {
    const file = user.write(
      'entries.mjs',
      `import { createRequire } from 'node:module'
      const require = createRequire(import.meta.url)
      for (const name of process.argv.slice(2)) {
        const [cjs, esm] = [require(name), await import(name)]
        const keys = Object.keys(cjs)
        console.log(name, keys.length > 0 && keys.every((key) => esm[key] === cjs[key]))
      }`,
    )
    const output = await run([file, ...names])
    expect(output.trim().split('\n')).toEqual(names.map((entry) => `${entry} true`))
  })

  test.each([
    ['CommonJS', 'commonjs.cjs', []],
    ['ES modules', 'module.mjs', ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']],
  ])('jest, %s', async (_, file, flags) => {
    const output = await run([...flags, bin('jest/bin/jest.js'), '--ci', '--runTestsByPath', `jest/${file}`])
    expect(output).toMatch(new RegExp(`Tests: +${TESTS} passed, ${TESTS} total`))
  })

  test.each(['forks', 'threads', 'vmThreads'])('vitest, pool %s', async (pool) => {
    const output = await run([bin('vitest/vitest.mjs'), 'run', `--pool=${pool}`])
    expect(output).toMatch(new RegExp(`Tests +${TESTS} passed \\(${TESTS}\\)`))
  })

  test('node:test', async () => {
    const output = await run(['--test', '--test-reporter=tap', 'node-test/module.mjs'])
    expect(output).toMatch(new RegExp(`# pass ${TESTS}\\n`))
  })

  test.each(servers)('%s admits, sheds and limits', async (server) => {
    const output = await run([`servers/${programs[server] ?? server}.mjs`, server])
    expect(JSON.parse(output)).toEqual({ admitted: 200, shed: 503, limited: 429 })
  })
})
