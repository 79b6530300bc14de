// Durable journals: an entry on disk when its promise resolves, against databases told to do the same.
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openJournal } from 'keelson/journal'

const entry = (id) => ({ type: 'order', id, customer: 'c-1042', text: 'x'.repeat(140) })
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

async function inFlight(count, total, append) {
  let left = total
  const work = async () => {
    while (left-- > 0) await append(entry(left))
  }
  await Promise.all(Array.from({ length: count }, work))
}

function journal(run, options) {
  return {
    setup: async () => {
      const path = place()
      return { path, journal: await openJournal(path, options) }
    },
    run,
    teardown: async ({ path, journal: open, expected }) => {
      if (expected !== undefined && open.size() !== expected) throw new Error(`${open.size()} entries of ${expected}`)
      await open.close()
      gone(path)
    },
  }
}

const appends = (count, total) =>
  journal(async (context) => {
    context.expected = total
    await inFlight(count, total, (data) => context.journal.append(data))
  })

const sqlite = (total) => (module) => ({
  setup: () => {
    const path = place()
    const db = new module.default(join(path, 'db'))
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec('create table entries (sequence integer primary key, data text)')
    return { path, db, insert: db.prepare('insert into entries (data) values (?)') }
  },
  run: ({ insert }) => {
    for (let left = total; left > 0; left -= 1) insert.run(JSON.stringify(entry(left)))
  },
  teardown: ({ path, db }) => {
    db.close()
    gone(path)
  },
})

const lmdb = (count, total) => (module) => ({
  setup: () => {
    const path = place()
    // Without this a put resolves before the disk has it.
    return { path, db: module.open({ path, encoding: 'json', overlappingSync: false }) }
  },
  run: ({ db }) => {
    let sequence = 0
    return inFlight(count, total, (data) => db.put(sequence++, data))
  },
  teardown: async ({ path, db }) => {
    await db.close()
    gone(path)
  },
})

const batch = 1000
const batches = 100
const entries = Array.from({ length: batch }, (_, id) => entry(id))

const raw = {
  setup: () => {
    const path = place()
    const bytes = Buffer.alloc(
      entries.reduce((sum, data) => sum + 44 + Buffer.byteLength(JSON.stringify(data)), 0),
      'x',
    )
    return { path, bytes, file: openSync(join(path, 'file'), 'w') }
  },
  run: ({ bytes, file }) => {
    for (let left = batches; left > 0; left -= 1) {
      writeSync(file, bytes)
      fdatasyncSync(file)
    }
  },
  teardown: ({ path, file }) => {
    closeSync(file)
    gone(path)
  },
}

const many = journal(async (context) => {
  context.expected = batch * batches
  for (let left = batches; left > 0; left -= 1) await context.journal.appendMany(entries)
})

/** A journal that is there already, to be opened or read. */
const filled = { count: 200_000 }
async function fill() {
  const path = place()
  const open = await openJournal(path, { durability: 'flush' })
  for (let left = filled.count / batch; left > 0; left -= 1) await open.appendMany(entries)
  const { bytes } = open.usage()
  await open.close()
  process.on('exit', () => gone(path))
  return { path, bytes }
}

async function recover({ path, bytes }) {
  const open = await openJournal(path)
  if (open.recovery.bytes < bytes) throw new Error('not all of it was read')
  await open.close()
}

async function replay({ path }) {
  const open = await openJournal(path, { readOnly: true })
  let count = 0
  for await (const { data } of open.replay()) count += data.id >= 0 ? 1 : 0
  if (count !== filled.count) throw new Error(`${count} entries`)
  await open.close()
}

const durable = { unit: 'µs/op', rounds: 7, warmup: 1 }

export default {
  name: 'journal-durable',
  cases: [
    {
      ...durable,
      name: 'append, 64 in flight, synced; sqlite WAL, synchronous FULL, a transaction each',
      iterations: 4000,
      ours: appends(64, 4000),
      peer: await peer('better-sqlite3', sqlite(4000)),
      bar: { ratio: 1 / 5 },
    },
    {
      ...durable,
      name: 'append, 64 in flight, synced; lmdb, its puts committed and synced',
      iterations: 20_000,
      ours: appends(64, 20_000),
      peer: await peer('lmdb', lmdb(64, 20_000)),
      bar: { ratio: 1 },
    },
    {
      ...durable,
      name: 'append, one after the other, synced; sqlite as above',
      iterations: 1000,
      ours: appends(1, 1000),
      peer: await peer('better-sqlite3', sqlite(1000)),
    },
    {
      ...durable,
      name: 'appendMany of 1000, synced; writing and syncing as many bytes',
      iterations: batch * batches,
      ours: many,
      peer: { name: 'write + fdatasync', fn: raw },
      bar: { ratio: 3 },
    },
    {
      name: 'recovery of 200,000 entries, all checked (bar: 300 MB/s)',
      unit: 'ms',
      rounds: 7,
      warmup: 1,
      setup: fill,
      ours: recover,
      bar: { value: (filled.count * 240) / 300e3 },
    },
    {
      name: 'opening and replaying 200,000 entries',
      unit: 'ms',
      rounds: 7,
      warmup: 1,
      setup: fill,
      ours: replay,
    },
  ],
}
