// npm run wind-tunnel: every experiment with 100 seeds a cell, then the loopback runs, written into docs/wind-tunnel.md.
// `-- --quick` takes seconds and `-- --only e1,e7` runs a few; both write below target/. `-- --loopback` runs only the real servers.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

import { buildSteps } from './lib/build-steps.mjs'
import { attempt, run } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { measured, withMeasured } from './lib/loopback.mjs'
import { at } from './lib/paths.mjs'
import { runAll } from './lib/steps.mjs'

const profile = ['--locked', '--no-default-features', '--profile', 'tunnel', '--example', 'wind-tunnel']
const page = at('docs', 'wind-tunnel.md')

async function simulate(args, part) {
  await run('cargo', ['build', ...profile], 'The wind tunnel does not build.')
  const out = args.includes('--out') ? [] : ['--out', part ? at('target', 'wind-tunnel') : at('docs')]
  const threads = args.includes('--threads') ? [] : ['--threads', String(availableParallelism())]
  const program = at('target', 'tunnel', 'examples', process.platform === 'win32' ? 'wind-tunnel.exe' : 'wind-tunnel')
  const { code } = await attempt(program, [...args, ...out, ...threads], { show: true })
  if (code !== 0) throw new Failure('The wind tunnel did not finish.')
}

async function confirm() {
  if (!existsSync(page)) throw new Failure('docs/wind-tunnel.md is not there; run `npm run wind-tunnel` first.')
  const failed = await runAll(buildSteps())
  if (failed !== 0) throw new Failure('The package does not build.')
  const text = withMeasured(readFileSync(page, 'utf8'), await measured())
  writeFileSync(page, text)
  process.stdout.write(`${text.slice(text.indexOf('## Loopback'))}\n`)
}

await main(async () => {
  const args = process.argv.slice(2)
  const loopback = args.includes('--loopback')
  const part = args.some((arg) => ['--quick', '--only', '--out'].includes(arg))
  if (!loopback) await simulate(args, part)
  if (loopback || !part) await confirm()
})
