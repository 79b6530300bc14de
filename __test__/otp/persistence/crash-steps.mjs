// Dies of SIGKILL at one step of a call to a persistent process. Writes a line for each reply and each finished `after`.
import { writeSync } from 'node:fs'
import { openJournal } from 'keelson/journal'
import { GenServer } from 'keelson/otp'

const [path, step] = process.argv.slice(2)
const die = (at) => {
  if (at === step) process.kill(process.pid, 'SIGKILL')
}
const journal = await openJournal(path)
// The append is in the core's hands, and nothing has been heard of it.
const append = journal.appendTo.bind(journal)
let isArmed = false
const finished = []
journal.appendTo = (...args) => {
  const appended = append(...args)
  if (isArmed) die('after append')
  return appended
}
const server = await GenServer.start(
  {
    handleCall: (amount) => {
      if (isArmed) die('before append')
      return {
        events: [
          { type: 'added', amount },
          { type: 'added', amount },
        ],
        replyWith: ({ sum }) => {
          if (isArmed) die('before reply')
          return sum
        },
        after: async () => {
          // The reply goes its way first.
          await new Promise((resolve) => setImmediate(resolve))
          if (isArmed) die('before after')
          writeSync(1, `after ${amount}\n`)
          finished.push(amount)
        },
      }
    },
  },
  {
    persist: {
      journal,
      stream: 'account',
      init: () => ({ sum: 0 }),
      apply: ({ sum }, { amount }) => {
        if (isArmed) die('after sync')
        return { sum: sum + amount }
      },
    },
  },
)
const call = async (amount) => writeSync(1, `reply ${await GenServer.call(server, amount)}\n`)
await call(1)
await GenServer.call(server, 10)
while (finished.length < 2) await new Promise((resolve) => setImmediate(resolve))
isArmed = true
await call(100)
// Answered after the `after` of the call before.
await call(1000)
