// Trees: what a crash costs, from its cast to the restarted child, with few and with 100,000 siblings. No library of the peers
// supervises, so the second column is our own small tree: a crash is O(1) when the two are close. (What differs is memory: with
// 100,000 children the one that crashes is in no cache.)
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../lib/restarts.mjs', import.meta.url))
const sized = (size, name) => ({ file, args: [String(size)], name })
const against = { ours: sized(100_000), peer: sized(100, '100 siblings') }

export default {
  name: 'actor-tree',
  cases: [
    {
      name: 'crash to restarted, p50, with 100,000 siblings',
      unit: 'µs',
      rounds: 5,
      paired: against,
      read: ({ p50 }) => p50,
      bar: { value: 200 },
    },
    {
      name: 'crash to restarted, p50, with 100,000 siblings against 100',
      unit: 'µs',
      rounds: 5,
      paired: against,
      read: ({ p50 }) => p50,
      bar: { ratio: 3 },
    },
    {
      name: 'crash to restarted, p99, with 100,000 siblings',
      unit: 'µs',
      rounds: 5,
      paired: against,
      read: ({ p99 }) => p99,
    },
    {
      name: 'to start a supervised child, of 100,000',
      unit: 'µs',
      rounds: 5,
      paired: against,
      read: ({ start }) => start,
    },
    {
      name: 'to stop a supervised child, of 100,000',
      unit: 'µs',
      rounds: 5,
      paired: against,
      read: ({ stop }) => stop,
    },
  ],
}
