// What a process takes that waits for messages: 400,000 of them, in a program of their own each.
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../lib/idle.mjs', import.meta.url))
const idle = (kind) => ({ file, args: [kind], name: kind })

export default {
  name: 'actor-memory',
  cases: [
    {
      name: 'an idle GenServer, JavaScript heap, against nact',
      unit: 'bytes',
      rounds: 3,
      paired: { ours: idle('keelson'), peer: idle('nact') },
      read: ({ heap }) => heap,
      bar: { value: 700 },
    },
    {
      name: 'an idle GenServer, outside of the heap',
      unit: 'bytes',
      rounds: 3,
      paired: { ours: idle('keelson') },
      read: ({ native }) => native,
      bar: { value: 300 },
    },
    {
      name: 'an idle GenServer, JavaScript heap, against xstate',
      unit: 'bytes',
      rounds: 3,
      paired: { ours: idle('keelson'), peer: idle('xstate') },
      read: ({ heap }) => heap,
    },
    {
      name: 'an idle process of keelson/process, JavaScript heap, against nact',
      unit: 'bytes',
      rounds: 3,
      paired: { ours: idle('process'), peer: idle('nact') },
      read: ({ heap }) => heap,
    },
  ],
}
