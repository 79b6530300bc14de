// What a consumer's compiler has to accept of journals on disk, and what it has to refuse.
import { createControlledClock } from 'keelson/clock'
import {
  DurableJournal,
  openJournal,
  type DurableJournalEvent,
  type DurableJournalOptions,
  type JournalEntry,
  type RecoveryReport,
  type SavedSnapshot,
  type SerializedJournal,
} from 'keelson/journal'
import { createSystem } from 'keelson/system'

interface Paid {
  readonly type: 'paid'
  readonly amount: number
  readonly order?: string
}

const options: DurableJournalOptions<Paid> = {
  clock: createControlledClock(0),
  system: createSystem(),
  durability: 'flush',
  key: ({ order }) => order,
  idGenerator: () => 'id',
  maxEntries: 5,
  overflow: 'bounded:error',
  serializer: {
    serialize: ({ amount }) => amount,
    deserialize: (amount) => ({ type: 'paid', amount: Number(amount) }),
  },
  onError: (error, origin) => void [error, origin satisfies string],
}
await using journal: DurableJournal<Paid> = await openJournal('/tmp/orders', options)
const anything: DurableJournal = await openJournal('/tmp/anything')
await anything.append(Symbol('refused when it runs'))

const paid: Paid = { type: 'paid', amount: 5 }
const entry: JournalEntry<Paid> = await journal.append(paid)
const entries: JournalEntry<Paid>[] = await journal.appendMany(new Set([paid]))
await (journal.sync() satisfies Promise<void>)
const gone: number = (await journal.compact({ dropTombstones: true })) + (await journal.retain())
const report: RecoveryReport = journal.recovery
report.dropped.map(({ segment, offset, reason }) => `${segment} ${offset + 1} ${reason}`)

const sum: number = journal.fold((total: number, { amount }) => total + amount, { initial: 0, fromSnapshot: true })
await journal.saveSnapshot({ sum }, { sequence: entry.sequence })
const saved: SavedSnapshot<{ sum: number }> | undefined = journal.loadSnapshot<{ sum: number }>()
journal.getEntry(0)?.data.amount satisfies number | undefined
for await (const { data } of journal.tail({ from: 0, signal: AbortSignal.abort(), pageSize: 5 })) data satisfies Paid
for await (const { data } of journal.replay(3)) data satisfies Paid
const end: () => void = journal.subscribe(async ({ data }) => data satisfies Paid)
const json: SerializedJournal = journal.toJSON()
await openJournal<Paid>('/tmp/orders', {
  emit: (event: DurableJournalEvent) => {
    if (event.type === 'journal:recovered') event.report satisfies RecoveryReport
    if (event.type === 'journal:append') event.seq satisfies number
  },
})

// @ts-expect-error an append on disk is awaited
journal.append(paid).sequence satisfies number
// @ts-expect-error the data has a type
await journal.append({ type: 'paid' })
// @ts-expect-error so has each of many
await journal.appendMany([paid, 5])
// @ts-expect-error entries are read-only
entry.sequence = 5
// @ts-expect-error no such durability
await openJournal('/tmp/orders', { durability: 'fsync' })
// @ts-expect-error no such option
await openJournal('/tmp/orders', { maxSize: 5 })
// @ts-expect-error a saved state is one only when it is there
saved.state satisfies { sum: number }
// @ts-expect-error journals on disk are opened
void new DurableJournal('/tmp/orders')

export { end, entries, gone, json }
