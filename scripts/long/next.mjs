// A service in Next.js, made by the lines of docs/bundling.md from the packed package: built, started, and asked three times.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { npm, run } from '../lib/exec.mjs'
import { Failure, main } from '../lib/failure.mjs'
import { install } from '../lib/install.mjs'
import { packHere } from '../lib/pack.mjs'
import { at } from '../lib/paths.mjs'

const packages = at('scripts', 'long', 'next')
/** The limit of the page is two requests. */
const ANSWERS = '200 200 429'

/** The blocks of the page that begin with the name of a file. */
function files() {
  const page = readFileSync(at('docs', 'bundling.md'), 'utf8').split('## Next.js')[1]
  return Array.from(page.matchAll(/^```\w+\n\/\/ (\S+)\n([\s\S]*?)^```$/gm), ([, name, text]) => [name, text])
}

/** Makes the folder of the service: with Next.js, the packed packages, and the files of the page. */
async function createService(home) {
  await install(packages, 'next')
  // Copied, because Next.js refuses links that lead out of the folder.
  for (const name of ['package.json', 'package-lock.json', 'node_modules']) {
    cpSync(join(packages, name), join(home, name), { recursive: true, verbatimSymlinks: true })
  }
  const tarballs = await packHere()
  await npm(['install', '--offline', '--ignore-scripts', ...tarballs], 'The packages cannot be installed.', {
    cwd: home,
  })
  const written = files()
  if (written.length < 2) throw new Failure('docs/bundling.md has no files for Next.js.')
  for (const [name, text] of written) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
}

/** Starts the service that was built, asks it, and ends it. Returns the statuses of the answers. */
async function ask(home, next, env) {
  const server = spawn(process.execPath, [next, 'start', '--port', '0', '--hostname', '127.0.0.1'], { cwd: home, env })
  let output = ''
  const listening = new Promise((resolve, reject) => {
    const read = (chunk) => {
      output += chunk
      const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1]
      if (port !== undefined && output.includes('Ready')) resolve(port)
    }
    server.stdout.on('data', read)
    server.stderr.on('data', read)
    server.on('exit', (code) => reject(new Failure(`next start ended with ${code}.`, output)))
  })
  try {
    const port = await listening
    const statuses = []
    for (let request = 0; request < 3; request++) {
      const answer = await fetch(`http://127.0.0.1:${port}/api`, { headers: { 'x-user': 'ada' } })
      await answer.text()
      statuses.push(answer.status)
    }
    return { answers: statuses.join(' '), output }
  } finally {
    server.removeAllListeners('exit')
    if (server.exitCode === null) {
      server.kill('SIGKILL')
      await once(server, 'close')
    }
  }
}

await main(async () => {
  const home = mkdtempSync(join(tmpdir(), 'keelson-next-'))
  try {
    await createService(home)
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' }
    const next = join(home, 'node_modules', 'next', 'dist', 'bin', 'next')
    await run(process.execPath, [next, 'build'], 'Next.js cannot build the service.', { cwd: home, env })
    const { answers, output } = await ask(home, next, env)
    if (answers !== ANSWERS) throw new Failure(`The service answered ${answers} in place of ${ANSWERS}.`, output)
    const { version } = JSON.parse(readFileSync(join(home, 'node_modules', 'next', 'package.json'), 'utf8'))
    process.stdout.write(`Next.js ${version} built a service with keelson; it answered ${answers}\n`)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
