// Journals in memory: bounded, with a listener, and what a snapshot costs.
import { createJournal } from 'keelson/journal'

const appends = 100_000
let events = 0
const emit = () => {
  events += 1
}

const bounded = (maxEntries) => createJournal({ maxEntries, overflow: 'bounded:drop_oldest', emit })

function fill(journal, count) {
  for (let index = 0; index < count; index += 1) journal.append({ type: 'order', index })
}

/** A journal that is full, so that each append drops an entry. */
function full(maxEntries) {
  const journal = bounded(maxEntries)
  fill(journal, maxEntries)
  return journal
}

export default {
  name: 'journal',
  cases: [
    {
      name: 'append with maxEntries and emit, full',
      unit: 'ns/op',
      iterations: appends,
      setup: () => full(10_000),
      ours: (journal) => fill(journal, appends),
      // 1.5 million a second.
      bar: { value: 667 },
    },
    {
      name: 'filling a journal with maxEntries and emit',
      unit: 'ms',
      sizes: [1000, 10_000, 100_000, 1_000_000],
      ours: (size) => fill(bounded(size), size),
      bar: { growth: 20 },
    },
    {
      name: '100,000 appends to a full journal',
      unit: 'ms',
      sizes: [1000, 10_000, 100_000, 1_000_000],
      setup: full,
      ours: (journal) => fill(journal, appends),
      // The same number of appends: as much time, not ten times as much.
      bar: { growth: 2 },
    },
    {
      name: 'a snapshot of a million, and its last ten',
      unit: 'ns/op',
      iterations: 100,
      setup: () => full(1_000_000),
      ours: (journal) => {
        for (let round = 0; round < 100; round += 1) {
          const snapshot = journal.getSnapshot()
          for (const entry of snapshot.from(snapshot.lastSequence - 9)) events += entry.sequence
        }
      },
    },
  ],
}
