// A program of the events suite. Writes a journal of 200,000 events in streams of ten, and prints as JSON, in ms: the
// longest time that opening it blocks the event loop, how long opening takes, and the processor time that 99 of
// 100 reads of a stream take at most.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openJournal } from 'keelson/journal'

const carts = 20_000
const each = 10
const reads = 2000
const MS = 1e6
/** The pause between two samples of the monitor, which is a part of what it measures. */
const resolution = 1

const path = mkdtempSync(join(process.env.KEELSON_BENCH_DIR ?? tmpdir(), 'keelson-bench-'))
const event = (n) => ({ type: 'added', n, customer: 'c-1042', text: 'x'.repeat(140) })
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function write() {
  const journal = await openJournal(path, { durability: 'flush' })
  for (let version = 0; version < each; version += 1) {
    for (let from = 0; from < carts; from += 1000) {
      const options = Array.from({ length: 1000 }, (_, n) => ({ stream: `cart-${from + n}` }))
      const some = options.map(() => event(version))
      await journal.appendMany(some, options)
    }
  }
  await journal.close()
}

async function opened() {
  globalThis.gc?.()
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  await wait(20)
  delay.reset()
  const start = process.hrtime.bigint()
  const journal = await openJournal(path)
  const openMs = Number(process.hrtime.bigint() - start) / MS
  // The monitor samples once more after the last turn.
  await wait(5)
  delay.disable()
  return { journal, openMs, blockMs: Math.max(delay.max / MS - resolution, 0) }
}

const processorMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Returns the processor time that 99 of 100 reads take at most: the rest meets a collection of garbage. */
function slowRead(journal) {
  const times = []
  for (let next = 0; next < reads; next += 1) {
    const start = processorMs()
    let count = 0
    for (const { data } of journal.readStream(`cart-${(next * 7919) % carts}`)) count += data.n === count ? 1 : 0
    times.push(processorMs() - start)
    if (count !== each) throw new Error(`${count} events`)
  }
  return times.toSorted((one, other) => one - other)[Math.floor(reads * 0.99)]
}

try {
  await write()
  // Once more, so that the code of opening is compiled.
  await (await opened()).journal.close()
  const { journal, openMs, blockMs } = await opened()
  if (journal.size() !== carts * each) throw new Error(`${journal.size()} entries`)
  const readMs = slowRead(journal)
  await journal.close()
  console.log(JSON.stringify({ blockMs, openMs, readMs }))
} finally {
  rmSync(path, { recursive: true, force: true })
}
