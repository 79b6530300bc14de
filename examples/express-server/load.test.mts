import { createServer } from 'node:http'

import { createSystem } from 'keelson/system'
import { createTestSystem } from 'keelson/testing'

import { ask, settle } from '../lib/in-memory-http.mjs'
import { phasesOf, type PhaseResult, runLoad, type Send, table } from './load.mjs'
import { createService } from './service.mjs'

/** The load of the program, over connections in memory and on a controlled clock. */
async function run(seed: number, seconds: number): Promise<PhaseResult[]> {
  await using system = createTestSystem({ seed })
  const service = await createService(system, { database: { openForMs: 1000, timeoutMs: 500 }, limit: 200 })
  const server = createServer(service.app)
  const send: Send = ({ method, path, client }) =>
    ask(server, path, { method, headers: { 'x-api-key': client }, ...(method === 'POST' && { body: {} }) }).then(
      ({ status }) => status,
    )
  const load = createSystem({ clock: system.clock, seed })
  const phases = phasesOf(seconds, service.database, () => {}).slice(0, -1)
  const results = await settle(system.clock, runLoad(load, phases, send))
  await load.close()
  return results
}

/** The share of the polite clients' requests that had this status. */
const share = ({ polite }: PhaseResult, status: number): number => {
  const all = [...polite.values()].reduce((sum, count) => sum + count, 0)
  return (polite.get(status) ?? 0) / all
}

describe('the load', () => {
  let results: PhaseResult[] = []
  beforeAll(async () => void (results = await run(1, 10)))
  const phase = (name: string): PhaseResult => results.find((one) => one.name === name) as PhaseResult

  test('is answered while nothing is wrong', () => {
    expect(share(phase('steady'), 200)).toBe(1)
    // The circuit may be open for a second of two, and three requests in ten need the database.
    expect(share(phase('all is well again'), 200)).toBeGreaterThan(0.7)
  })

  test('of a client that asks too much is refused, and the others notice nothing', () => {
    const { greedy } = phase('one client asks too much')
    expect(greedy.get(200)).toBe(200)
    expect(greedy.get(429)).toBeGreaterThan(0)
    expect(share(phase('one client asks too much'), 200)).toBeGreaterThan(0.95)
  })

  test('that needs a failing database is refused at once, and the rest is answered', () => {
    for (const name of ['the database fails', 'the database hangs']) {
      const one = phase(name)
      expect(share(one, 200)).toBeGreaterThan(0.6)
      expect(share(one, 503)).toBeGreaterThan(0.15)
      expect(share(one, 500) + share(one, 504)).toBeLessThan(0.1)
    }
  })

  test('is the same for the same seed', async () => {
    expect(await run(2, 3)).toEqual(await run(2, 3))
  })

  test('becomes a table with a row for each phase', () => {
    const lines = table(results).split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[0]).toMatch(/sent +200 +429 +500 +503 +504 +broken +p50 +p99 +greedy: 200 +429$/)
    expect(lines[1]).toMatch(/^steady +\d+ +\d+ +0 +0 +0 +0 +0 +\d+ ms +\d+ ms +0 +0$/)
  })
})
