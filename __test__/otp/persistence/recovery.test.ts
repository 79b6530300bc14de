import { type DurableJournal, openJournal } from 'keelson/journal'
import { GenServer, type PersistOptions, Registry, Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { expect, it } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly amount: number
}

/** More than some pages of a stream. */
const EVENTS = 2000

async function filled(journal: DurableJournal<Event>, streams: readonly string[] = ['account']): Promise<void> {
  for (const stream of streams) {
    const events = Array.from({ length: EVENTS }, () => ({ type: 'deposited', amount: 1 }))
    await journal.appendMany(events, { stream })
  }
}

const behavior = {
  handleCall: (amount: number) => ({ events: { type: 'deposited', amount }, replyWith: (sum: number) => sum }),
}

/** Options that call a listener when an event is applied. */
const persistOf = (journal: DurableJournal<Event>, onApply: () => void = () => {}): PersistOptions<number, Event> => ({
  journal,
  stream: 'account',
  init: () => 0,
  apply: (sum, { amount }) => {
    onApply()
    return sum + amount
  },
})

it('a command during recovery finds nobody; the first one afterwards gets the whole state', async () => {
  await using system = createSystem()
  await using journal = await openJournal<Event>(tempDirectory(), { system, durability: 'flush' })
  await filled(journal)
  const during: unknown[] = []
  const looked: unknown[] = []
  let applied = 0
  const persist = persistOf(journal, () => {
    if (++applied !== 1000) return
    looked.push(Registry.whereis('account', system))
    during.push(journal.streamVersion('account'))
  })
  const starting = GenServer.start(behavior, { name: 'account', persist, system })
  expect(Registry.whereis('account', system)).toBeUndefined()
  const server = await starting
  expect([looked, during]).toEqual([[undefined], [EVENTS]])
  expect(await GenServer.call(server, 5)).toBe(EVENTS + 5)
  await GenServer.stop(server)
})

it('a stop during recovery waits for it, ends the process, and frees the stream', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush' })
  await filled(journal)
  await using system = createSystem({ onError: () => {}, crashReports: false })
  let [recoveries, applied] = [0, 0]
  let stopping: Promise<void> | undefined
  const persist = persistOf(journal, () => {
    // In the second recovery, after a crash.
    if (++applied === 300 && recoveries === 2) stopping = Supervisor.stop(supervisor)
  })
  const crashing = {
    ...behavior,
    handleCast: () => {
      throw new Error('crash')
    },
  }
  const start = () => {
    ;[recoveries, applied] = [recoveries + 1, 0]
    return GenServer.start(crashing, { persist, system })
  }
  const supervisor = await Supervisor.start({ children: [{ id: 'account', start }], system })
  const first = Supervisor.getChildren(supervisor)[0]?.ref as Awaited<ReturnType<typeof start>>
  GenServer.cast(first, 'crash')
  await expect.poll(() => stopping !== undefined).toBe(true)
  await stopping
  expect([recoveries, applied, Supervisor.isRunning(supervisor)]).toEqual([2, EVENTS, false])
  const server = await GenServer.start(behavior, { persist: persistOf(journal) })
  expect(await GenServer.call(server, 0)).toBe(EVENTS)
  await GenServer.stop(server)
})

it('a system that closes while 40 processes recover leaves none of them, and frees their streams', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush' })
  const streams = Array.from({ length: 40 }, (_, n) => `account-${n}`)
  await filled(journal, streams)
  const system = createSystem()
  let closing: Promise<void> | undefined
  const persist = persistOf(journal, () => void (closing ??= system.close()))
  const starts = streams.map((stream) => GenServer.start(behavior, { persist: { ...persist, stream }, system }))
  const results = await Promise.allSettled(starts)
  await closing
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  expect(started.filter((server) => GenServer.isRunning(server))).toEqual([])
  for (const stream of streams) {
    const server = await GenServer.start(behavior, { persist: { ...persistOf(journal), stream } })
    expect(GenServer.getState(server)).toBe(EVENTS)
    await GenServer.stop(server)
  }
})

it('a journal that closes during recovery fails the start, and no process has a part of its state', async () => {
  const path = tempDirectory()
  {
    await using journal = await openJournal<Event>(path, { durability: 'flush' })
    await filled(journal)
  }
  const journal = await openJournal<Event>(path)
  let applied = 0
  let closing: Promise<void> | undefined
  const persist = persistOf(journal, () => {
    if (++applied === 300) closing = journal.close()
  })
  const [started] = await Promise.allSettled([GenServer.start(behavior, { persist })])
  await closing
  if (started.status === 'fulfilled') {
    // The end of the journal came after the last page.
    expect(GenServer.getState(started.value)).toBe(EVENTS)
    await GenServer.stop(started.value)
  } else {
    expect(started.reason).toMatchObject({ code: 'KEELSON_INIT_FAILED', cause: { code: 'KEELSON_CLOSED' } })
    // The end may have come between the last event and the end of the last page.
    expect(applied).toBeLessThanOrEqual(EVENTS)
  }
})
