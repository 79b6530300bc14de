import { Atrion } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { besiege } from './model/abort-world.ts'

describe('a hundred requests a second whose clients are gone', () => {
  it.each([
    ['at once, each on its own connection', { pipelined: 1, leavesAfter: 1, service: 'constant' }],
    ['at once, twenty down a connection', { pipelined: 20, leavesAfter: 1, service: 'constant' }],
    ['halfway through the work', { pipelined: 20, leavesAfter: 30, service: 'constant' }],
    ['just before the answer', { pipelined: 20, leavesAfter: 45, service: 'constant' }],
    ['a hundred down a connection', { pipelined: 100, leavesAfter: 10, service: 'exponential' }],
  ] as const)('%s, refuse no honest request', async (_, given) => {
    const outcome = await besiege({ honest: 20, aborted: 100, seconds: 15, seed: 1, ...given })
    expect(outcome).toMatchObject({ refused: 0, inFlight: 0 })
    expect(outcome.asked).toBeGreaterThan(200)
  })
})

it.each([1, 10, 30])('a few who leave after %i ms do not set the deadline for everybody', async (leavesAfter) => {
  // Eight servers of 20 ms at 0.9 of what they can do, and 5 % more who leave.
  const { clock, system } = createTestSystem({ seed: 1 })
  const atrion = new Atrion({ system })
  const exponential = (mean: number): number => -mean * Math.log(1 - system.random.next())
  const queue: (() => void)[] = []
  let free = 8
  const serve = (ended: () => void): void => {
    const go = (): void => {
      free--
      clock.schedule(exponential(20), () => {
        free++
        ended()
        queue.shift()?.()
      })
    }
    if (free > 0) go()
    else queue.push(go)
  }
  let honest = 0
  let refused = 0
  const arrive = async (leaves: boolean): Promise<void> => {
    const gone = new AbortController()
    const counts = !leaves && clock.monoMs() > 5000
    honest += Number(counts)
    const asked = atrion.admit('db', { signal: gone.signal })
    if (leaves) clock.schedule(leavesAfter, () => gone.abort())
    try {
      const ticket = await asked
      if (!ticket.allow) refused += Number(counts)
      else {
        if (leaves) clock.schedule(leavesAfter, () => void ticket.left())
        serve(() => void ticket.done())
      }
    } catch {
      // It left while it waited.
    }
  }
  for (let request = 0; request < 8000; request++) {
    await clock.advance(exponential(20 / 8 / 0.945))
    void arrive(system.random.next() < 0.0476)
  }
  expect(honest).toBeGreaterThan(4000)
  expect(refused / honest).toBeLessThan(0.005)
  await system.close()
})
