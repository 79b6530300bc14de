// A durable job queue.
//
//   npm run example -- job-queue                    kills a worker five times, and prints what became of each job
//   npm run example -- job-queue serve --port 3000  runs a queue for curl; see the README
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSystem, getDefaultSystem } from 'keelson'

import { numberOf, options, portOf } from '../lib/options.mjs'
import { listen, program, stopSignal } from '../lib/program.mjs'
import { audit, killWorker } from './kills.mjs'
import { openJobQueue } from './queue.mjs'
import { createJobServer } from './server.mjs'

const flags = {
  directory: { type: 'string' },
  jobs: { type: 'string', default: '60' },
  kills: { type: 'string', default: '5' },
  seed: { type: 'string' },
  port: { type: 'string', default: '3000' },
} as const

const onKill = (lines: number): void => console.log(`killed after ${lines} lines of output`)

async function demonstrate(directory: string, jobs: number, kills: number, seed: number | undefined): Promise<void> {
  const system = createSystem(seed === undefined ? {} : { seed })
  console.log(
    `A worker with ${jobs} jobs is killed (SIGKILL) up to ${kills} times, as the seed ${system.seed} draws.\n`,
  )
  await killWorker(directory, { jobs, kills, system, onKill })
  await system.close()
  const { finished, dead, ranTwice, reported, faults } = await audit(directory)
  const rows = [
    ['finished, each once', finished, ''],
    ['dead letters', dead.length, dead.join(' ')],
    ['interrupted, and reported', reported.length, reported.join(' ')],
    ['of these, ran twice', ranTwice.length, ranTwice.join(' ')],
  ] as const
  console.log()
  for (const [name, number, ids] of rows)
    console.log(`${name.padEnd(26)}${String(number).padStart(4)}  ${ids}`.trimEnd())
  if (faults.length > 0) throw new Error(faults.join('; '))
}

async function serve(directory: string, port: number): Promise<void> {
  const { clock } = getDefaultSystem()
  const handlers = {
    print: ({ id, data }: { id: string; data: unknown }) => console.log(id, data),
    fail: () => {
      throw new Error('this kind always fails')
    },
    wait: ({ signal }: { signal: AbortSignal }) => clock.sleep(5000, { signal }),
  }
  const queue = await openJobQueue({ directory, handlers })
  const server = createJobServer(queue)
  console.log(
    `The queue of ${directory} is at ${await listen(server, port)}. Kinds: ${Object.keys(handlers).join(', ')}.`,
  )
  await Promise.race([stopSignal(), queue.terminated])
  server.close()
  server.closeIdleConnections()
  await queue.close()
}

await program(async () => {
  const { values, positionals } = options(flags, { words: ['serve'] })
  const jobs = numberOf('jobs', values.jobs, { min: 1, max: 10_000 })
  const kills = numberOf('kills', values.kills, { min: 0, max: 1000 })
  const seed = values.seed === undefined ? undefined : numberOf('seed', values.seed, { min: 0, max: 2 ** 53 - 1 })
  const port = portOf(values.port)
  if (values.directory !== undefined) await mkdir(values.directory, { recursive: true })
  if (positionals.includes('serve')) return serve(join(values.directory ?? '.', 'jobs'), port)
  const directory = await mkdtemp(join(values.directory ?? tmpdir(), 'job-queue-'))
  try {
    await demonstrate(directory, jobs, kills, seed)
  } finally {
    await rm(directory, { recursive: true })
  }
})
