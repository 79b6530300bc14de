// What a consumer's compiler has to accept of the event store, and what it has to refuse.
import {
  type BackupReport,
  type Consumer,
  createProjection,
  type DurableJournal,
  type JournalEntry,
  openJournal,
  type ParkedEntry,
  type Projection,
  type StreamUsage,
} from 'keelson/journal'
import { GenServer, type PersistentBehavior, type PersistEvent } from 'keelson/otp'

type Event =
  | { readonly type: 'opened'; readonly owner: string }
  | { readonly type: 'paid'; readonly amount: number; readonly version?: number }

await using journal: DurableJournal<Event> = await openJournal<Event>('/tmp/events')
const entry: JournalEntry<Event> = await journal.append(
  { type: 'opened', owner: 'ann' },
  { stream: 'a', expectedVersion: 0, id: 'command' },
)
void [entry.stream satisfies string | undefined, entry.position satisfies number | undefined]
await journal.appendMany([{ type: 'paid', amount: 1 }], { stream: 'a' })
await journal.appendMany([{ type: 'paid', amount: 1 }], [{ stream: 'a' }])
await journal.appendMany([{ type: 'paid', amount: 1 }], [undefined])
// @ts-expect-error: a version is a number
await journal.append({ type: 'opened', owner: 'ann' }, { stream: 'a', expectedVersion: 'none' })
// @ts-expect-error: an event of another type
await journal.append({ type: 'closed' }, { stream: 'a' })
for (const { data } of journal.readStream('a', { from: 1, to: 2, backwards: true, limit: 3 }))
  void (data satisfies Event)
for await (const { data } of journal.readStream('a')) void (data satisfies Event)
// @ts-expect-error: it is called backwards
journal.readStream('a', { reverse: true })
void [journal.streamVersion('a') satisfies number, [...journal.streams({ prefix: 'a' })] satisfies string[]]
void (journal.streamUsage() satisfies StreamUsage)
void ((await journal.backup('/tmp/copy')) satisfies BackupReport)

const one: Consumer<Event> = journal.consumer('one', ({ data }, { signal, attempt }) => {
  void [data satisfies Event, signal satisfies AbortSignal, attempt satisfies number]
})
journal.consumer('many', (entries) => void (entries satisfies readonly JournalEntry<Event>[]), { batchSize: 10 })
// @ts-expect-error: without batchSize the handler gets one entry
journal.consumer('wrong', (entries: readonly JournalEntry<Event>[]) => entries.length)
journal.consumer('parks', () => {}, {
  onParked: ({ data }, error) => void [data satisfies Event, error satisfies unknown],
  upcast: { paid: [(event: { amount: string }) => ({ type: 'paid', amount: Number(event.amount), version: 2 })] },
})
void [one.lag satisfies number, one.parked satisfies readonly ParkedEntry[]]

const total: Projection<number, Event> = await createProjection({
  journal,
  name: 'total',
  init: () => 0,
  apply: (sum: number, event: Event) => (event.type === 'paid' ? sum + event.amount : sum),
})
void (total.state satisfies number)
await createProjection<number, Event>({
  journal,
  name: 'by type',
  init: () => 0,
  apply: { paid: (sum, { amount }: { amount: number }) => sum + amount },
})
// @ts-expect-error: a state of another type
await createProjection<number, Event>({ journal, name: 'x', init: () => 0, apply: () => 'text' })

interface Account {
  readonly balance: number
}
const behavior: PersistentBehavior<Account, Event, { readonly pay: number }, string, number> = {
  handleCall: ({ pay }, { balance }) => ({ events: { type: 'paid', amount: pay }, reply: balance }),
  handleCast: (owner) => ({ events: [{ type: 'opened', owner }] }),
}
const account = await GenServer.start(behavior, {
  persist: {
    journal,
    stream: 'account',
    init: () => ({ balance: 0 }),
    apply: (state, event) => (event.type === 'paid' ? { balance: state.balance + event.amount } : state),
    snapshot: { every: 10 },
    emit: (event) => void (event satisfies PersistEvent),
  },
})
void ((await GenServer.call(account, { pay: 1 })) satisfies number)
void (GenServer.getState(account) satisfies Account)
// @ts-expect-error: a message of another type
GenServer.cast(account, 7)
// @ts-expect-error: without persist a behaviour has init
await GenServer.start(behavior)
