// Kills a worker at random moments, and checks from its files what became of each job.
import { fork } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { openJournal, type System } from 'keelson'

import type { JobEvent } from './jobs.mjs'

const worker = fileURLToPath(new URL('worker.mjs', import.meta.url))

/** The most lines of a worker before it is killed. A job prints two. */
const MOST_LINES = 25
/** The most ms between such a line and the kill, so that kills fall between lines too. */
const MOST_MS = 5
const KILLS_OF_A_DIRECTORY = 25

/** What became of the jobs of a directory. */
export interface Audit {
  readonly finished: number
  readonly dead: readonly string[]
  /** Jobs whose work was done more than once. */
  readonly ranTwice: readonly string[]
  /** Jobs that the queue reports as interrupted: each may have run twice. */
  readonly reported: readonly string[]
  /** Broken promises: a job that did not end once, or ran twice and is not reported. */
  readonly faults: readonly string[]
}

/** Runs a worker until it ends by itself, or is killed once it has printed so many lines. Returns whether it was killed. */
async function runWorker(directory: string, jobs: number, system: System, killAfter?: number): Promise<boolean> {
  const child = fork(worker, [directory, String(jobs)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let [lines, errors, isDoomed] = [0, '', false]
  const killLater = async (): Promise<void> => {
    if (isDoomed || killAfter === undefined || lines < killAfter) return
    isDoomed = true
    await system.clock.sleep(system.random.int(MOST_MS + 1))
    child.kill('SIGKILL')
  }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    lines += text.split('\n').length - 1
    void killLater()
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  void killLater()
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...end) => resolve(end))
  })
  if (code === 0) return false
  if (signal === 'SIGKILL' && isDoomed) return true
  throw new Error(`the worker ended with ${signal ?? code}: ${errors}`)
}

/** Adds jobs and kills the worker up to so many times, then lets it end. Returns how often it was killed. */
export async function killWorker(
  directory: string,
  { jobs, kills, system, onKill }: { jobs: number; kills: number; system: System; onKill?: (lines: number) => void },
): Promise<number> {
  for (let kill = 0; kill < kills; kill++) {
    const lines = system.random.int(MOST_LINES)
    // A worker that had little left to do ends before.
    if (!(await runWorker(directory, jobs, system, lines))) return kill
    onKill?.(lines)
  }
  await runWorker(directory, jobs, system)
  return kills
}

/** Kills workers so many times, in as many directories below `folder` as that takes. Returns what they came to. */
export async function killAgainAndAgain(
  folder: string,
  { kills, jobs, system, onDirectory }: { kills: number; jobs: number; system: System; onDirectory?: () => void },
): Promise<Audit & { readonly kills: number }> {
  const audits: Audit[] = []
  let killed = 0
  while (killed < kills) {
    const directory = await mkdtemp(join(folder, 'jobs-'))
    const most = Math.min(kills - killed, KILLS_OF_A_DIRECTORY)
    killed += await killWorker(directory, { jobs, kills: most, system })
    audits.push(await audit(directory))
    onDirectory?.()
  }
  return {
    kills: killed,
    finished: audits.reduce((sum, { finished }) => sum + finished, 0),
    dead: audits.flatMap(({ dead }) => dead),
    ranTwice: audits.flatMap(({ ranTwice }) => ranTwice),
    reported: audits.flatMap(({ reported }) => reported),
    faults: audits.flatMap(({ faults }) => faults),
  }
}

function count(ids: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}

/** Reads the journal and the work of a directory whose worker has ended. */
export async function audit(directory: string): Promise<Audit> {
  const log = join(directory, 'work.log')
  const work = count(existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [])
  const journal = await openJournal<JobEvent>(join(directory, 'journal'), { readOnly: true })
  const events = Array.from(journal.readStream('jobs'), ({ data }) => data)
  await journal.close()
  const added = events.flatMap((event) => (event.type === 'added' ? [event.job.id] : []))
  const idsOf = (type: 'finished' | 'buried' | 'interrupted'): string[] =>
    events.flatMap((event) => (event.type === type ? [event.id] : []))
  const [finished, dead, reported] = [count(idsOf('finished')), count(idsOf('buried')), count(idsOf('interrupted'))]
  const faults = added.flatMap((id) => {
    const [ends, runs] = [(finished.get(id) ?? 0) + (dead.get(id) ?? 0), work.get(id) ?? 0]
    if (ends !== 1) return [`${id} ended ${ends} times`]
    if (finished.has(id) && runs === 0) return [`${id} finished and did no work`]
    return runs > 1 && !reported.has(id) ? [`${id} ran ${runs} times, and nobody said so`] : []
  })
  return {
    finished: finished.size,
    dead: [...dead.keys()],
    ranTwice: Array.from(work).flatMap(([id, runs]) => (runs > 1 ? [id] : [])),
    reported: [...reported.keys()],
    faults,
  }
}
