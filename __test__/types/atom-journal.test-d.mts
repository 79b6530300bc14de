// What a consumer's compiler has to accept of atoms and journals, and what it has to refuse.
import { Atom, createAtom, createSharedAtom, SharedAtom, transact, type Change } from 'keelson/atom'
import { createControlledClock } from 'keelson/clock'
import { createJournal, Journal, type JournalEntry, type SerializedJournal } from 'keelson/journal'

const clock = createControlledClock(0)
const count: Atom<number> = createAtom(0, clock, { equals: (a, b) => a === b, historySize: 5 })
const next: number = count.swap((value) => value + 1, { cause: 'test' })
const end: () => void = count.watch((change: Change<number>) => change.versionTo satisfies number)
createAtom({ now: 1 }, { baseVersion: 3 }).deref().now satisfies number
createAtom<string | undefined>(undefined).reset('a')
const named = createAtom('x', { now: () => clock.now() })
named.subscribe(async (value) => value satisfies string)

const result: string = transact([count, named], () => {
  count.reset(5)
  return named.reset('y')
})
const either: unknown = count
if (either instanceof Atom) void either.version()
if (either instanceof SharedAtom) either.close()
createAtom(0, { warnOnLostUpdate: true }) satisfies Atom<number>

// @ts-expect-error createAtom makes it
void new Atom(1)
// @ts-expect-error createSharedAtom opens it
void new SharedAtom('x')
// @ts-expect-error shared atoms take no part in transactions
transact([createSharedAtom('x', 1)], () => 0)
// @ts-expect-error the updater has to return the value's type
count.swap((value) => String(value))
// @ts-expect-error no such option
createAtom(0, clock, { history: 5 })
// @ts-expect-error a value is read through the atom
count.value satisfies number

interface Paid {
  readonly type: 'paid'
  readonly amount: number
}
const anything = createJournal()
const big: unknown[] = anything.filter(({ amount }) => amount > 5)
const journal = new Journal<Paid>({ clock, maxEntries: 5, overflow: 'bounded:error' })
const entry: JournalEntry<Paid> = journal.append({ type: 'paid', amount: 5 })
const awaited: JournalEntry<Paid> = await journal.append(entry.data)
const sum: number = journal.fold((total: number, { amount }) => total + amount, { initial: 0, upTo: clock.now() })
for (const { data } of journal.entries({ from: 0, reverse: true })) data.amount satisfies number
journal.getSnapshot().entries.map(({ timestamp }) => timestamp.wallMs)
const json: SerializedJournal = journal.toJSON()
Journal.fromJSON<Paid>(json).append(entry.data)
createJournal().append('anything')

// @ts-expect-error the data has a type
journal.append({ type: 'paid' })
// @ts-expect-error entries are read-only
entry.sequence = 5
// @ts-expect-error no such policy
createJournal({ overflow: 'drop' })

export { awaited, big, end, next, result, sum }
