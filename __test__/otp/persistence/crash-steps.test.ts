import { join } from 'node:path'
import { openJournal } from 'keelson/journal'
import { GenServer } from 'keelson/otp'
import { expect, it } from 'vitest'

import { node } from '../../support/node-program.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly amount: number
}

/** Kills a program at a step of its third call. Returns its lines, and the events and the state after a restart. */
async function killedAt(step: string) {
  const path = tempDirectory()
  const { stdout, stderr, signal } = await node([join(import.meta.dirname, 'crash-steps.mjs'), path, step])
  expect(signal, stderr).toBe('SIGKILL')
  await using journal = await openJournal<Event>(path)
  const events = Array.from(journal.readStream('account'), ({ data }) => data.amount)
  let afters = 0
  const server = await GenServer.start(
    { handleCall: () => ({ reply: 0, after: () => void afters++ }) },
    {
      persist: {
        journal,
        stream: 'account',
        init: () => ({ sum: 0 }),
        apply: ({ sum }, { amount }: Event) => ({ sum: sum + amount }),
      },
    },
  )
  const { sum } = GenServer.getState(server) as { sum: number }
  await GenServer.stop(server)
  expect(afters, 'an `after` of an earlier run').toBe(0)
  return { lines: stdout.trimEnd().split('\n'), events, sum }
}

const earlier = { lines: ['reply 2', 'after 1', 'after 10'], events: [1, 1, 10, 10] }

it('killed before the append: nothing is on disk, and nobody saw a reply', async () => {
  expect(await killedAt('before append')).toEqual({ ...earlier, sum: 22 })
})

it('killed after the append and before its sync: all of its events are on disk or none, and nobody saw a reply', async () => {
  const { lines, events, sum } = await killedAt('after append')
  expect(lines).toEqual(earlier.lines)
  expect([
    [1, 1, 10, 10],
    [1, 1, 10, 10, 100, 100],
  ]).toContainEqual(events)
  expect(sum).toBe(events.reduce((all, one) => all + one, 0))
})

it.each(['after sync', 'before reply'])(
  'killed after the sync and before the reply (%s): the events are on disk, and nobody saw a reply',
  async (step) => {
    expect(await killedAt(step)).toEqual({ lines: earlier.lines, events: [1, 1, 10, 10, 100, 100], sum: 222 })
  },
)

it('killed before `after`: the reply was seen, the events are on disk, and `after` does not run at the restart', async () => {
  const lines = [...earlier.lines, 'reply 222']
  expect(await killedAt('before after')).toEqual({ lines, events: [1, 1, 10, 10, 100, 100], sum: 222 })
})
