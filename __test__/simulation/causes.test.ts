/** The events of a failure say which of them sent a message. */
import { GenServer, type GenServerRef } from 'keelson/otp'
import { explore, type Simulation } from 'keelson/simulation'
import { expect, it } from 'vitest'

import { tempDirectory } from '../support/temp-directory.ts'
import { ask, startServer } from './races/tools.ts'

/** Returns `sender > receiver` for each message of a run, by the messages that the two handle. */
async function sentIn(program: (sim: Simulation) => Promise<void>): Promise<string[]> {
  const failing = async (sim: Simulation): Promise<void> => {
    await program(sim)
    throw new Error('for its events')
  }
  const { failure } = await explore(failing, { runs: 1, seed: 1, folder: tempDirectory(), print: () => undefined })
  const events = failure?.events ?? []
  const typeOf = (number: number | undefined): string => {
    if (number === undefined) return 'the program'
    const event = events.find((each) => each.number === number)
    if (event?.kind === 'timer') return `a timer of ${event.node === '' ? 'the program' : event.node}`
    return /type: '(\w+)'/.exec(event?.message ?? '')?.[1] ?? 'unknown'
  }
  expect(events.map(({ number }) => number)).toEqual(events.map((_, place) => place))
  return events
    .filter(({ kind }) => kind === 'call' || kind === 'cast')
    .map(({ number, cause }) => `${typeOf(cause)} > ${typeOf(number)}`)
    .toSorted()
}

const startSink = (sim: Simulation, node: string): Promise<GenServerRef> =>
  startServer(
    sim.system(node),
    () => ({}),
    () => true,
  )

it.each([
  ['on its node', 'a'],
  ['on another node', 'b'],
])('a message that a handler sends to a process %s names the event after which it was sent', async (_, node) => {
  const sent = await sentIn(async (sim) => {
    const sink = await startSink(sim, node)
    const { clock } = sim.system('a')
    const middle = await startServer(
      sim.system('a'),
      () => ({}),
      async ({ type }) => {
        if (type === 'warm') return
        await ask(sink, { type: 'first' })
        await clock.sleep(5)
        // Also behind an await, while another message waits for the process.
        GenServer.cast(sink as never, { type: 'second' } as never)
      },
    )
    await ask(middle, { type: 'warm' })
    await Promise.all([ask(middle, { type: 'go' }), ask(middle, { type: 'again' })])
    await sim.settle()
  })
  expect(sent).toEqual([
    'a timer of a > second',
    'a timer of a > second',
    'again > first',
    'go > first',
    'the program > again',
    'the program > go',
    'the program > warm',
  ])
})

it('a message of a timer names it, and one of the program what the program did before', async () => {
  const sent = await sentIn(async (sim) => {
    const sink = await startSink(sim, 'a')
    sim.system('b').clock.schedule(5, () => GenServer.cast(sink as never, { type: 'timed' } as never))
    GenServer.cast(sink as never, { type: 'own' } as never)
    await sim.clock.sleep(9)
    GenServer.cast(sink as never, { type: 'late' } as never)
    await sim.settle()
  })
  expect(sent).toEqual(['a timer of b > timed', 'a timer of the program > late', 'the program > own'])
})
