import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { createControlledClock } from 'keelson/clock'
import { type DurableJournal, openJournal } from 'keelson/journal'
import { GenServer, type PersistentBehavior, type PersistEvent, type PersistOptions, Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { expect, it } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly amount: number
  readonly version?: number
}
interface Account {
  readonly balance: number
}
type Call = { readonly withdraw: number } | 'balance' | 'nothing' | 'boom' | 'symbol'

const behavior: PersistentBehavior<Account, Event, Call, number, number> = {
  handleCall(message, state) {
    if (message === 'balance') return { reply: state.balance }
    if (message === 'nothing') return undefined
    if (message === 'boom') throw new Error('boom')
    if (message === 'symbol') return { events: { type: 'deposited', amount: Symbol('no') as never } }
    if (message.withdraw > state.balance) throw new Error('not enough money')
    return { events: { type: 'withdrawn', amount: message.withdraw }, replyWith: ({ balance }) => balance }
  },
  handleCast: (amount) => ({ events: [{ type: 'deposited', amount }] }),
}
const apply = {
  deposited: ({ balance }: Account, { amount }: Event) => ({ balance: balance + amount }),
  withdrawn: ({ balance }: Account, { amount }: Event) => ({ balance: balance - amount }),
}

const persistOf = (
  journal: DurableJournal<Event>,
  more: Partial<PersistOptions<Account, Event>> = {},
): PersistOptions<Account, Event> => ({ journal, stream: 'account', init: () => ({ balance: 0 }), apply, ...more })

it('appends the events, applies them, and then replies', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const order: string[] = []
  const persist = persistOf(journal, {
    apply: (state, event) => {
      order.push(`apply ${journal.streamVersion('account')}`)
      return event.type === 'deposited' ? { balance: state.balance + event.amount } : undefined
    },
  })
  const server = await GenServer.start(
    {
      handleCall: (amount: number) => ({
        events: { type: 'deposited', amount },
        replyWith: ({ balance }: Account) => {
          order.push('reply')
          return balance
        },
        after: () => void order.push('after'),
      }),
    },
    { persist },
  )
  expect(await GenServer.call(server, 5)).toBe(5)
  expect(await GenServer.call(server, 7)).toBe(12)
  // Each event was acknowledged before it was applied.
  expect(order).toEqual(['apply 1', 'reply', 'after', 'apply 2', 'reply', 'after'])
  await GenServer.stop(server)
})

it('has its state again after a restart, and handles one message at a time', async () => {
  const path = tempDirectory()
  {
    await using journal = await openJournal<Event>(path)
    const server = await GenServer.start(behavior, { persist: persistOf(journal) })
    GenServer.cast(server, 100)
    const calls = [60, 60, 30].map((withdraw) => GenServer.call(server, { withdraw }))
    const results = await Promise.allSettled(calls)
    expect(results).toMatchObject([{ value: 40 }, { reason: { message: 'not enough money' } }, { value: 10 }])
    expect(await GenServer.call(server, 'nothing')).toBeUndefined()
    expect(GenServer.getState(server)).toEqual({ balance: 10 })
    await GenServer.stop(server)
  }
  await using journal = await openJournal<Event>(path)
  expect(Array.from(journal.readStream('account'), ({ data }) => data.amount)).toEqual([100, 60, 30])
  const server = await GenServer.start(behavior, { persist: persistOf(journal) })
  expect(await GenServer.call(server, 'balance')).toBe(10)
  await GenServer.stop(server)
})

it('rejects the call, and keeps its state, when the callback fails or its data cannot be stored', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const server = await GenServer.start(behavior, { persist: persistOf(journal) })
  GenServer.cast(server, 5)
  await expect(GenServer.call(server, 'boom')).rejects.toThrow('boom')
  await expect(GenServer.call(server, 'symbol')).rejects.toMatchObject({ code: 'KEELSON_NOT_PLAIN' })
  expect([await GenServer.call(server, 'balance'), journal.streamVersion('account')]).toEqual([5, 1])
  const odd = await GenServer.start(
    { handleCall: () => ({ event: 1 }) as never },
    { persist: persistOf(journal, { stream: 'odd' }) },
  )
  await expect(GenServer.call(odd, 1)).rejects.toMatchObject({ field: 'result.event' })
  await Promise.all([GenServer.stop(server), GenServer.stop(odd)])
})

it('ends with a typed reason when an append fails', async () => {
  await using system = createSystem({ onError: () => {} })
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  const ends: unknown[] = []
  GenServer.onLifecycleEvent((event) => void (event.type === 'terminated' && ends.push(event.reason)), system)
  const server = await GenServer.start(behavior, { persist: persistOf(journal), system })
  await journal.append({ type: 'deposited', amount: 1 }, { stream: 'account' })
  const call = GenServer.call(server, { withdraw: 0 })
  await expect(call).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  expect(ends).toMatchObject([
    { error: { code: 'KEELSON_PERSISTENCE', stream: 'account', cause: { code: 'KEELSON_VERSION_CONFLICT' } } },
  ])
  // The next start knows of the event.
  const again = await GenServer.start(behavior, { persist: persistOf(journal), system })
  expect(await GenServer.call(again, 'balance')).toBe(1)
  await GenServer.stop(again)
})

it('is restarted by its supervisor with the state of its events', async () => {
  await using system = createSystem({ crashReports: false })
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  const crashing: typeof behavior = {
    ...behavior,
    handleCast: (amount) => {
      if (amount < 0) throw new Error('negative')
      return { events: { type: 'deposited', amount } }
    },
  }
  const start = () => GenServer.start(crashing, { name: 'account', persist: persistOf(journal), system })
  const supervisor = await Supervisor.start({ children: [{ id: 'account', start }], system })
  const ref = () => Supervisor.getChildren(supervisor)[0]?.ref as Awaited<ReturnType<typeof start>>
  const first = ref()
  GenServer.cast(first, 7)
  GenServer.cast(first, -1)
  await expect.poll(() => ref() !== first && ref() !== undefined && GenServer.isRunning(ref())).toBe(true)
  expect(await GenServer.call(ref(), 'balance')).toBe(7)
  await Supervisor.stop(supervisor)
})

it('does not start when apply throws for a stored event, and names sequence and type', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.append({ type: 'other', amount: 0 })
  await journal.append({ type: 'deposited', amount: 1 }, { stream: 'account' })
  const failure = new Error('broken')
  const throwing = () => {
    throw failure
  }
  await expect(GenServer.start(behavior, { persist: persistOf(journal, { apply: throwing }) })).rejects.toMatchObject({
    code: 'KEELSON_INIT_FAILED',
    cause: { code: 'KEELSON_REPLAY', sequence: 1, eventType: 'deposited', cause: failure },
  })
  const promising = (async () => ({ balance: 1 })) as never
  await expect(GenServer.start(behavior, { persist: persistOf(journal, { apply: promising }) })).rejects.toMatchObject({
    cause: { code: 'KEELSON_REPLAY' },
  })
  // The stream is free again.
  const server = await GenServer.start(behavior, { persist: persistOf(journal) })
  await GenServer.stop(server)
})

it('refuses an event of an unknown type, unless it is to ignore them', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.append({ type: 'deposited', amount: 1 }, { stream: 'account' })
  await journal.append({ type: 'renamed', amount: 0 }, { stream: 'account' })
  await expect(GenServer.start(behavior, { persist: persistOf(journal) })).rejects.toMatchObject({
    cause: { code: 'KEELSON_REPLAY', sequence: 1, eventType: 'renamed' },
  })
  const server = await GenServer.start(behavior, { persist: persistOf(journal, { ignoreUnknown: true }) })
  expect(await GenServer.call(server, { withdraw: 1 })).toBe(0)
  await GenServer.stop(server)
})

it('ends when apply throws for a new event', async () => {
  await using system = createSystem({ onError: () => {} })
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  const reasons: unknown[] = []
  GenServer.onLifecycleEvent((event) => void (event.type === 'terminated' && reasons.push(event.reason)), system)
  const server = await GenServer.start(behavior, { persist: persistOf(journal, { apply: {} }), system })
  await expect(GenServer.call(server, { withdraw: 0 })).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  expect(reasons).toMatchObject([{ error: { code: 'KEELSON_REPLAY', sequence: 0, eventType: 'withdrawn' } }])
})

it('brings events of versions 1 to 4 up to date, and refuses a missing link at the start', async () => {
  const path = tempDirectory()
  // Written by a program of each version.
  cpSync(join(import.meta.dirname, 'golden'), path, { recursive: true })
  await using journal = await openJournal<Event>(path)
  const upcast = {
    deposited: [
      ({ cents }: { cents: string }) => ({ type: 'deposited', version: 2, cents: Number(cents) }),
      ({ cents }: { cents: number }) => ({ type: 'deposited', version: 3, amount: cents / 100 }),
      (event: Event) => ({ ...event, version: 4, currency: 'EUR' }),
    ],
  }
  const persist = persistOf(journal, { stream: 'golden', upcast })
  const server = await GenServer.start(behavior, { persist })
  expect(await GenServer.call(server, 'balance')).toBe(1 + 2 + 3 + 4)
  // A new event without its version would be taken for one of version 1.
  await expect(
    GenServer.start({ handleCall: () => ({ events: { type: 'deposited', amount: 1 } }) }, { persist }),
  ).rejects.toMatchObject({ cause: { code: 'KEELSON_JOURNAL_NAME_IN_USE', kind: 'stream', claimed: 'golden' } })
  await GenServer.stop(server)
  const careless = await GenServer.start(
    { handleCall: () => ({ events: { type: 'deposited', amount: 1 } as Event, reply: 1 }) },
    { persist },
  )
  await expect(GenServer.call(careless, 1)).rejects.toMatchObject({ field: 'result.events[0].version' })
  await GenServer.stop(careless)
  const hole = [...upcast.deposited] as unknown[]
  hole[1] = undefined
  const missing = persistOf(journal, { upcast: { deposited: hole as never } })
  await expect(GenServer.start(behavior, { persist: missing })).rejects.toMatchObject({
    code: 'KEELSON_INVALID_ARGUMENT',
    field: 'options.persist.upcast.deposited[1]',
  })
})

it('begins with a snapshot, and ignores one that does not fit', async () => {
  const path = tempDirectory()
  const events: PersistEvent[] = []
  const persist = (journal: DurableJournal<Event>, more: Partial<PersistOptions<Account, Event>> = {}) =>
    persistOf(journal, { snapshot: { every: 3 }, emit: (event) => void events.push(event), ...more })
  const recovered = () => events.findLast(({ type }) => type === 'persist:recovered')
  {
    await using journal = await openJournal<Event>(path)
    const server = await GenServer.start(behavior, { persist: persist(journal) })
    for (const amount of [1, 2, 3, 4]) GenServer.cast(server, amount)
    expect(await GenServer.call(server, 'balance')).toBe(10)
    await expect.poll(() => events.map(({ type }) => type)).toContain('persist:snapshot:saved')
    await GenServer.stop(server)
  }
  await using journal = await openJournal<Event>(path)
  const start = async (more: Partial<PersistOptions<Account, Event>> = {}): Promise<number> => {
    const server = await GenServer.start(behavior, { persist: persist(journal, more) })
    const balance = await GenServer.call(server, 'balance')
    await GenServer.stop(server)
    return balance
  }
  expect([await start(), recovered()]).toMatchObject([10, { version: 4, events: 1, from: 3 }])
  expect([await start({ version: 2 }), recovered()]).toMatchObject([10, { events: 4, from: 0 }])
  expect(events.filter(({ type }) => type === 'persist:snapshot:ignored')).toMatchObject([
    { stream: 'account', reason: 'it is of version 1, and the process of version 2' },
  ])
})

it('ignores a snapshot of more events than the stream has', async () => {
  const path = tempDirectory()
  const events: PersistEvent[] = []
  await using journal = await openJournal<Event>(path)
  const persist = persistOf(journal, { snapshot: { every: 1 }, emit: (event) => void events.push(event) })
  const server = await GenServer.start(behavior, { persist })
  GenServer.cast(server, 5)
  await expect.poll(() => events.map(({ type }) => type)).toContain('persist:snapshot:saved')
  await GenServer.stop(server)
  await journal.clear()
  const again = await GenServer.start(behavior, { persist })
  expect(await GenServer.call(again, 'balance')).toBe(0)
  expect(events).toContainEqual(expect.objectContaining({ reason: 'it is of 1 events, and the stream has 0' }))
  await GenServer.stop(again)
})

it('reports a snapshot that cannot be saved, and goes on', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const events: PersistEvent[] = []
  const persist: PersistOptions<{ readonly sum: () => number }, Event> = {
    journal,
    stream: 'functions',
    init: () => ({ sum: () => 0 }),
    apply: (state, { amount }) => ({ sum: () => state.sum() + amount }),
    snapshot: { every: 1 },
    emit: (event) => void events.push(event),
  }
  const server = await GenServer.start(
    { handleCall: (amount: number) => ({ events: { type: 'added', amount }, replyWith: ({ sum }) => sum() }) },
    { persist },
  )
  expect(await GenServer.call(server, 2)).toBe(2)
  await expect
    .poll(() => events.at(-1))
    .toMatchObject({ type: 'persist:snapshot:failed', error: { code: 'KEELSON_NOT_PLAIN' } })
  expect(await GenServer.call(server, 3)).toBe(5)
  await GenServer.stop(server)
})

it('begins with a snapshot when its events are gone, and refuses the stream without one', async () => {
  const path = tempDirectory()
  {
    await using journal = await openJournal<Event>(path)
    const events: string[] = []
    const persist = persistOf(journal, { snapshot: { every: 3 }, emit: ({ type }) => void events.push(type) })
    const server = await GenServer.start(behavior, { persist })
    for (const amount of [1, 2, 3, 4]) GenServer.cast(server, amount)
    await expect.poll(() => events).toContain('persist:snapshot:saved')
    await GenServer.stop(server)
  }
  await using journal = await openJournal<Event>(path, { maxEntries: 1 })
  expect(journal.size()).toBe(1)
  await expect(GenServer.start(behavior, { persist: persistOf(journal) })).rejects.toMatchObject({
    cause: { code: 'KEELSON_JOURNAL_GAP', from: 0, first: 3 },
  })
  const server = await GenServer.start(behavior, { persist: persistOf(journal, { snapshot: { every: 3 } }) })
  expect(await GenServer.call(server, 'balance')).toBe(10)
  await GenServer.stop(server)
})

it('lets one process have a stream, on any handle of the journal', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await using same = await openJournal<Event>(path)
  const server = await GenServer.start(behavior, { persist: persistOf(journal) })
  await expect(GenServer.start(behavior, { persist: persistOf(same) })).rejects.toMatchObject({
    code: 'KEELSON_INIT_FAILED',
    cause: { code: 'KEELSON_JOURNAL_NAME_IN_USE', kind: 'stream', claimed: 'account' },
  })
  const other = await GenServer.start(behavior, { persist: persistOf(same, { stream: 'other' }) })
  await GenServer.stop(server)
  const next = await GenServer.start(behavior, { persist: persistOf(same) })
  await Promise.all([GenServer.stop(next), GenServer.stop(other)])
})

it('keeps deadlines: a start that takes too long fails, and reads no further', async () => {
  const clock = createControlledClock()
  await using system = createSystem({ clock })
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  const many = Array.from({ length: 2000 }, () => ({ type: 'deposited', amount: 1 }))
  await journal.appendMany(many, { stream: 'account' })
  let applied = 0
  const slow = persistOf(journal, {
    apply: ({ balance }, { amount }) => {
      // Time passes while it reads.
      if (++applied % 256 === 0) clock.advanceBy(10)
      return { balance: balance + amount }
    },
  })
  await expect(GenServer.start(behavior, { persist: slow, initTimeout: 20, system })).rejects.toMatchObject({
    code: 'KEELSON_INIT_FAILED',
    message: expect.stringContaining('timed out') as string,
  })
  const stopped = applied
  await new Promise((resolve) => setImmediate(resolve))
  expect([applied, applied < 2000]).toEqual([stopped, true])
  const server = await GenServer.start(behavior, { persist: persistOf(journal), system })
  expect(await GenServer.call(server, 'balance')).toBe(2000)
  await GenServer.stop(server)
})

it('recovers 1000 processes at once', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush' })
  const streams = Array.from({ length: 1000 }, (_, n) => `account-${n}`)
  await journal.appendMany(
    streams.flatMap((_, n) => [
      { type: 'deposited', amount: n },
      { type: 'deposited', amount: 1 },
    ]),
    streams.flatMap((stream) => [{ stream }, { stream }]),
  )
  const servers = await Promise.all(
    streams.map((stream) =>
      GenServer.start(behavior, { persist: persistOf(journal, { stream }), initTimeout: 60_000 }),
    ),
  )
  const balances = await Promise.all(servers.map((server) => GenServer.call(server, 'balance', { timeout: 60_000 })))
  expect(balances).toEqual(streams.map((_, n) => n + 1))
  await Promise.all(servers.map((server) => GenServer.stop(server)))
})

it('makes the same state of the same events each time', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const states: unknown[] = []
  for (let round = 0; round < 3; round++) {
    const server = await GenServer.start(behavior, { persist: persistOf(journal) })
    states.push(GenServer.getState(server))
    GenServer.cast(server, round)
    await GenServer.call(server, 'balance')
    await GenServer.stop(server)
  }
  expect(states).toEqual([{ balance: 0 }, { balance: 0 }, { balance: 1 }])
})

it('ends after the reply when the result says so, and runs terminate', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const reasons: unknown[] = []
  const server = await GenServer.start(
    {
      handleCall: (amount: number) => ({
        events: { type: 'deposited', amount },
        reply: 'bye',
        stop: 'shutdown' as const,
      }),
      terminate: (reason, state: Account) => void reasons.push([reason, state]),
    },
    { persist: persistOf(journal) },
  )
  expect(await GenServer.call(server, 4)).toBe('bye')
  await expect.poll(() => reasons).toEqual([['shutdown', { balance: 4 }]])
})

it('refuses bad options by name', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await using reader = await openJournal<Event>(path, { readOnly: true })
  const refused = async (field: string, persist: object, callbacks: object = behavior): Promise<void> => {
    const started = GenServer.start(callbacks as never, { persist: { ...persistOf(journal), ...persist } as never })
    await expect(started).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  }
  await refused('options.persist.journal', { journal: {} })
  await refused('journal', { journal: reader })
  await refused('options.persist.stream', { stream: '' })
  await refused('options.persist.init', { init: 1 })
  await refused('options.persist.apply', { apply: [] })
  await refused('options.persist.apply.deposited', { apply: { deposited: 1 } })
  await refused('options.persist.version', { version: -1 })
  await refused('options.persist.snapshot.every', { snapshot: {} })
  await refused('options.persist.snapshot.evry', { snapshot: { evry: 1 } })
  await refused('options.persist.ignoreUnknown', { ignoreUnknown: 1 })
  await refused('options.persist.ignoreUnkown', { ignoreUnkown: true })
  await refused('behavior.handleCast', {}, { handleCast: 1 })
  await refused('behavior.handleCal', {}, { handleCal: () => {} })
})
