import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createSystem, openJournal } from 'keelson'

import type { JobEvent } from './jobs.mjs'
import { audit, killAgainAndAgain } from './kills.mjs'

const KILLS = 10

let folder = ''
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'job-queue-'))))
afterEach(() => rm(folder, { recursive: true }))

test('each job ends once, or is reported by id as run twice, however often the worker is killed', async () => {
  const system = createSystem()
  const { kills, finished, dead, ranTwice, reported, faults } = await killAgainAndAgain(folder, {
    kills: KILLS,
    jobs: 60,
    system,
  })
  const seed = `seed ${system.seed}`
  await system.close()
  expect([seed, kills, faults]).toEqual([seed, KILLS, []])
  expect((finished + dead.length) % 60).toBe(0)
  expect(dead.every((id) => id.startsWith('poison-'))).toBe(true)
  for (const id of ranTwice) expect(reported).toContain(id)
})

describe('the audit', () => {
  const job = { kind: 'mail', data: null, runAt: 0, maxAttempts: 1 }
  const added = (id: string): JobEvent => ({ type: 'added', job: { ...job, id } })

  /** Writes a journal and the ids of jobs that did their work. */
  async function leave(events: readonly JobEvent[], work: readonly string[]): Promise<void> {
    const journal = await openJournal<JobEvent>(join(folder, 'journal'))
    await journal.appendMany(events, { stream: 'jobs' })
    await journal.close()
    await writeFile(join(folder, 'work.log'), work.map((id) => `${id}\n`).join(''))
  }

  test.each<[string, JobEvent[], string[], string]>([
    ['never ended', [added('a')], ['a'], 'a ended 0 times'],
    [
      'ended twice',
      [added('a'), { type: 'finished', id: 'a' }, { type: 'finished', id: 'a' }],
      ['a'],
      'a ended 2 times',
    ],
    ['did no work', [added('a'), { type: 'finished', id: 'a' }], ['b'], 'a finished and did no work'],
    ['ran twice unseen', [added('a'), { type: 'finished', id: 'a' }], ['a', 'a'], 'a ran 2 times, and nobody said so'],
  ])('finds a job that %s', async (_, events, work, fault) => {
    await leave(events, work)
    expect((await audit(folder)).faults).toEqual([fault])
  })

  test('accepts a job that ran twice and is reported', async () => {
    await leave([added('a'), { type: 'interrupted', id: 'a' }, { type: 'finished', id: 'a' }], ['a', 'a'])
    expect(await audit(folder)).toMatchObject({ ranTwice: ['a'], reported: ['a'], faults: [] })
  })
})
