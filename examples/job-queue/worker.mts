// A program that the kills need: it opens a queue, adds its jobs, and ends when all of them have ended.
//
//   node worker.mjs <directory> <number of jobs>
import { appendFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { getDefaultSystem } from 'keelson'

import { type Handler, type JobRequest, openJobQueue } from './queue.mjs'

const [, , directory = '', count = '0'] = process.argv
const { clock } = getDefaultSystem()

/** Writes a line at once. The process that kills this one counts them. */
const print = (line: string): void => void writeSync(1, `${line}\n`)

/** Does the work: a line in a file, which nobody takes back. */
async function work(id: string): Promise<void> {
  print(`begin ${id}`)
  await clock.sleep(2)
  appendFileSync(join(directory, 'work.log'), `${id}\n`)
  print(`end ${id}`)
}

const handlers: { readonly [kind: string]: Handler } = {
  mail: ({ id }) => work(id),
  flaky({ id, attempt }) {
    if (attempt === 1) throw new Error('the mail server is busy')
    return work(id)
  },
  poison() {
    throw new Error('there is no such address')
  },
}

function jobOf(n: number): JobRequest {
  if (n % 10 === 3) return { id: `poison-${n}`, kind: 'poison', maxAttempts: 3 }
  // However often the program is killed, these end.
  if (n % 4 === 0) return { id: `flaky-${n}`, kind: 'flaky', maxAttempts: 1000 }
  return { id: `mail-${n}`, kind: 'mail', delayMs: 5 * (n % 3), maxAttempts: 1000 }
}

// Nobody is left to read the lines when the process that started this one has gone.
process.on('disconnect', () => process.exit())

const queue = await openJobQueue({
  directory: join(directory, 'journal'),
  handlers,
  backoff: { initialMs: 1, factor: 2, maxMs: 10, jitter: 0.5 },
})
print('open')
await queue.add(...Array.from({ length: Number(count) }, (_, n) => jobOf(n)))
print('added')
await queue.whenIdle()
await queue.close()
process.disconnect?.()
