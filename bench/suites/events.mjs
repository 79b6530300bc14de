// The event store: appends that expect a version, and reads of one stream, against databases told to do the same.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openJournal } from 'keelson/journal'

const event = (n) => ({ type: 'added', n, customer: 'c-1042', text: 'x'.repeat(140) })
const place = () => mkdtempSync(join(process.env.KEELSON_BENCH_DIR ?? tmpdir(), 'keelson-bench-'))
const gone = (path) => rmSync(path, { recursive: true, force: true })

/** A peer whose binary is not there says so, and its case goes without it. */
async function peer(name, make) {
  try {
    return { name, fn: make(await import(name)) }
  } catch (error) {
    process.stdout.write(`without ${name}: ${error.message.split('\n')[0]}\n`)
    return undefined
  }
}

const streams = 64
const appends = 4096

/** Writers of a stream each: the next append of a stream comes when the one before is on disk. */
const ours = {
  setup: async () => {
    const path = place()
    return { path, journal: await openJournal(path) }
  },
  run: ({ journal }) =>
    Promise.all(
      Array.from({ length: streams }, async (_, stream) => {
        for (let version = 0; version < Math.ceil(appends / streams); version += 1) {
          await journal.append(event(version), { stream: `cart-${stream}`, expectedVersion: version })
        }
      }),
    ),
  teardown: async ({ path, journal }) => {
    if (journal.streamVersion('cart-7') !== Math.ceil(appends / streams)) throw new Error('events are missing')
    await journal.close()
    gone(path)
  },
}

/** A store by hand: the version is compared and the event inserted in one transaction, which is on disk when it ends. */
const sqlite = (module) => ({
  setup: () => {
    const path = place()
    const db = new module.default(join(path, 'db'))
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec('create table events (stream text, version integer, data text, primary key (stream, version))')
    const version = db.prepare('select coalesce(max(version) + 1, 0) as version from events where stream = ?')
    const insert = db.prepare('insert into events values (?, ?, ?)')
    const append = db.transaction((stream, expected, data) => {
      if (version.get(stream).version !== expected) throw new Error('a conflict')
      insert.run(stream, expected, data)
    })
    return { path, db, append }
  },
  run: ({ append }) => {
    for (let next = 0; next < appends; next += 1) {
      const version = Math.floor(next / streams)
      append(`cart-${next % streams}`, version, JSON.stringify(event(version)))
    }
  },
  teardown: ({ path, db }) => {
    db.close()
    gone(path)
  },
})

const carts = 20_000
const each = 10
const reads = 2000
const cartOf = (n) => `cart-${(n * 7919) % carts}`

/** Streams of ten events each, whose events lie far apart. */
async function fillOurs() {
  const path = place()
  const journal = await openJournal(path, { durability: 'flush' })
  for (let version = 0; version < each; version += 1) {
    for (let from = 0; from < carts; from += 1000) {
      const some = Array.from({ length: 1000 }, (_, n) => from + n)
      await journal.appendMany(
        some.map(() => event(version)),
        some.map((cart) => ({ stream: `cart-${cart}` })),
      )
    }
  }
  const { entries, bytes, streams: count } = journal.streamUsage()
  process.stdout.write(
    `index: ${count} streams of ${entries / count} events take ${Math.round(bytes / count)} bytes each\n`,
  )
  return { path, journal }
}

const ourReads = {
  setup: fillOurs,
  run: ({ journal }) => {
    let sum = 0
    for (let next = 0; next < reads; next += 1) {
      for (const { data } of journal.readStream(cartOf(next))) sum += data.n
    }
    if (sum !== reads * 45) throw new Error(`${sum}`)
  },
  teardown: async ({ path, journal }) => {
    await journal.close()
    gone(path)
  },
}

const lmdb = (module) => ({
  setup: async () => {
    const path = place()
    const db = module.open({ path, encoding: 'json', noSync: true })
    let last
    for (let version = 0; version < each; version += 1) {
      for (let cart = 0; cart < carts; cart += 1) last = db.put([`cart-${cart}`, version], event(version))
    }
    await last
    return { path, db }
  },
  run: ({ db }) => {
    let sum = 0
    for (let next = 0; next < reads; next += 1) {
      const cart = cartOf(next)
      for (const { value } of db.getRange({ start: [cart, 0], end: [cart, Infinity] })) sum += value.n
    }
    if (sum !== reads * 45) throw new Error(`${sum}`)
  },
  teardown: async ({ path, db }) => {
    await db.close()
    gone(path)
  },
})

const store = { file: fileURLToPath(new URL('../lib/event-store.mjs', import.meta.url)), node: ['--expose-gc'] }

export default {
  name: 'events',
  cases: [
    {
      name: 'append with an expected version, 64 streams, synced; sqlite WAL, synchronous FULL, a transaction each',
      unit: 'µs/op',
      rounds: 5,
      warmup: 1,
      iterations: appends,
      ours,
      peer: await peer('better-sqlite3', sqlite),
      bar: { ratio: 1 / 5 },
    },
    {
      name: 'read a stream of ten among 200,000 events; lmdb by range, its events as JSON',
      unit: 'µs/op',
      rounds: 5,
      warmup: 1,
      iterations: reads,
      ours: ourReads,
      peer: await peer('lmdb', lmdb),
      bar: { ratio: 1 },
    },
    {
      name: 'read a stream of ten among 200,000 events: processor time of 99 of 100 reads',
      unit: 'ms',
      rounds: 5,
      paired: { ours: store },
      read: ({ readMs }) => readMs,
      bar: { value: 1 },
    },
    {
      name: 'the longest block of the event loop while a journal of 200,000 events is opened',
      unit: 'ms',
      rounds: 5,
      paired: { ours: store },
      read: ({ blockMs }) => blockMs,
      bar: { value: 5 },
    },
  ],
}
