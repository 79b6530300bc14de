// Three persistent processes that answer calls for ever. Writes a line for each reply, at once. A call appends two events.
const { writeSync } = require('node:fs')
const { openJournal } = require('keelson/journal')
const { GenServer } = require('keelson/otp')

const account = {
  handleCall: (amount, { count }) => ({
    events: [
      { type: 'first', amount, count },
      { type: 'second', amount, count },
    ],
    replyWith: (state) => state,
  }),
}
const apply = ({ count, sum }, { amount }) => ({ count: count + 1, sum: sum + amount })
const init = () => ({ count: 0, sum: 0 })

/** Runs until the program is killed, or for so many replies. */
module.exports = async (path, segmentBytes, replies) => {
  const journal = await openJournal(path, { segmentBytes })
  writeSync(1, 'open\n')
  let left = replies
  const serve = async (n) => {
    const persist = { journal, stream: `account-${n}`, init, apply, snapshot: { every: 7 } }
    const server = await GenServer.start(account, { persist })
    for (let amount = 1; left-- > 0; amount = (amount % 97) + 1) {
      const { count, sum } = await GenServer.call(server, amount)
      writeSync(1, `${n} ${count} ${sum}\n`)
    }
    await GenServer.stop(server)
  }
  await Promise.all([0, 1, 2].map(serve))
  await journal.close()
}
