// Starts a process of many events in flat memory. A process of its own writes the events, and another one recovers them.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BATCH = 5000
/** The resident set of an opened journal without the index of its events, and what the recovery may add to it. */
const MOST_OPENED_MIB = 120
const MOST_ADDED_MIB = 64
/** Bytes of the index for each event. A stream that grows has up to twice the room, which is not resident. */
const INDEX_BYTES = 20

const MIB = 2 ** 20
const resident = () => process.memoryUsage().rss / MIB

async function write(path, events) {
  const { openJournal } = await import('keelson/journal')
  const journal = await openJournal(path, { durability: 'flush' })
  for (let n = 0; n < events; n += BATCH) {
    const some = Array.from({ length: BATCH }, (_, index) => ({ type: 'added', amount: (n + index) % 100 }))
    await journal.appendMany(some, { stream: 'counter' })
  }
  await journal.close()
}

/** Starts a process from all events. Returns MiB: the resident set of the opened journal, later ones, and the peak. */
async function recover(path, events) {
  const { openJournal } = await import('keelson/journal')
  const { GenServer } = await import('keelson/otp')
  const journal = await openJournal(path)
  globalThis.gc()
  const opened = resident()
  let [peak, count] = [opened, 0]
  const points = []
  const apply = ({ sum }, { amount }) => {
    count += 1
    if (count % BATCH === 0) peak = Math.max(peak, resident())
    if (count % (events / 5) === 0) points.push(resident())
    return { sum: sum + amount }
  }
  const persist = { journal, stream: 'counter', init: () => ({ sum: 0 }), apply }
  const behavior = { handleCall: (_, { sum }) => ({ reply: sum }) }
  const server = await GenServer.start(behavior, { persist, initTimeout: 3_600_000 })
  const sum = await GenServer.call(server, 'sum')
  await GenServer.stop(server)
  await journal.close()
  return { opened, points, peak, count, sum }
}

/** Runs a function of this file as a process. Returns its result. */
async function alone(name, ...args) {
  const child = fork(fileURLToPath(import.meta.url), [name, ...args.map(String)], { execArgv: ['--expose-gc'] })
  const [result] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])])
  if (result === undefined) throw new Error(`${name} of ${args.join(' ')} ended without a result`)
  return result
}

const round = (mib) => mib.toFixed(0)

/** Returns a sentence with the resident sets. Throws when one of them is above its bound. */
export async function recoverInFlatMemory(sizes) {
  const notes = []
  for (const events of sizes) {
    const path = mkdtempSync(join(tmpdir(), 'keelson-events-'))
    try {
      await alone('write', path, events)
      const { opened, points, peak, count, sum } = await alone('recover', path, events)
      const index = (INDEX_BYTES * events) / MIB
      const note =
        `${events} events: ${round(opened)} MiB resident when opened, ${round(index)} of them for the index, then ` +
        `${points.map(round).join(', ')}, at most ${round(peak)} (+${round(peak - opened)}, at most +${MOST_ADDED_MIB})`
      console.log(note)
      if (count !== events || sum !== (events / 100) * 4950) throw new Error(`${count} events with a sum of ${sum}`)
      if (opened - index > MOST_OPENED_MIB) throw new Error(`the opened journal takes too much; ${note}`)
      if (peak - opened > MOST_ADDED_MIB) throw new Error(`the recovery takes too much; ${note}`)
      notes.push(note)
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  }
  return notes.join('; ')
}

const [, , name, path, events] = process.argv
const roles = { write, recover }
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.send((await roles[name](path, Number(events))) ?? 'done')
  process.disconnect()
}
