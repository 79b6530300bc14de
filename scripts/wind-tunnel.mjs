// npm run wind-tunnel: every experiment with 100 seeds a cell, written into docs/wind-tunnel.md. `-- --quick` takes seconds and
// `-- --only e1,e7` runs a few; both write below target/. `-- --loopback` repeats the heart of it with real servers.
import { availableParallelism } from 'node:os'

import { attempt, run } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'

const profile = ['--locked', '--no-default-features', '--profile', 'tunnel', '--example', 'wind-tunnel']

await main(async () => {
  const args = process.argv.slice(2)
  const part = args.some((arg) => arg === '--quick' || arg === '--only')
  await run('cargo', ['build', ...profile], 'The wind tunnel does not build.')
  const out = args.includes('--out') ? [] : ['--out', part ? at('target', 'wind-tunnel') : at('docs')]
  const threads = args.includes('--threads') ? [] : ['--threads', String(availableParallelism())]
  const program = at('target', 'tunnel', 'examples', process.platform === 'win32' ? 'wind-tunnel.exe' : 'wind-tunnel')
  const { code } = await attempt(program, [...args, ...out, ...threads], { show: true })
  if (code !== 0) throw new Failure('The wind tunnel did not finish.')
})
