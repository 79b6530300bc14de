// Runs a persistent account until it is killed; writes a line for each reply, at once.
import { writeSync } from 'node:fs'
import { openJournal } from 'keelson/journal'
import { GenServer } from 'keelson/otp'

const [path] = process.argv.slice(2)
const journal = await openJournal(path, { segmentBytes: 1 << 16 })
const accounts = await Promise.all(
  [0, 1, 2].map((n) =>
    GenServer.start(
      {
        handleCall: (amount, { count }) => ({
          events: [
            { type: 'first', amount, count },
            { type: 'second', amount, count },
          ],
          replyWith: (state) => state,
        }),
      },
      {
        persist: {
          journal,
          stream: `account-${n}`,
          init: () => ({ count: 0, sum: 0 }),
          apply: ({ count, sum }, { amount }) => ({ count: count + 1, sum: sum + amount }),
          snapshot: { every: 7 },
        },
      },
    ),
  ),
)
writeSync(1, 'open\n')
let amount = 0
await Promise.all(
  accounts.map(async (account, n) => {
    for (;;) {
      const { count, sum } = await GenServer.call(account, ++amount)
      writeSync(1, `${n} ${count} ${sum}\n`)
    }
  }),
)
