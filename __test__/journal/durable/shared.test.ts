import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { openJournal } from 'keelson/journal'
import { describe, expect, it } from 'vitest'

import { run } from '../../support/node-program.ts'
import { tempDirectory } from '../../support/temp-directory.ts'
import { until } from '../../support/until.ts'

const worker = join(import.meta.dirname, 'worker.mjs')

describe('threads of one process', () => {
  it('share one journal, and each hears of the others', async () => {
    const path = tempDirectory()
    await using journal = await openJournal<{ who: number; index: number }>(path)
    const seen: number[] = []
    const following = (async () => {
      for await (const { sequence } of journal.tail({ from: 0, pageSize: 7 })) {
        seen.push(sequence)
        if (seen.length === 800) return
      }
    })()
    const workers = [1, 2].map((who) => new Worker(worker, { workerData: { path, who, count: 400 } }))
    await Promise.all(workers.map((each) => new Promise((resolve) => each.once('exit', resolve))))
    await following
    expect(seen).toEqual(Array.from({ length: 800 }, (_, index) => index))
    for (const who of [1, 2]) {
      expect(journal.filter((data) => data.who === who).map(({ index }) => index)).toEqual(
        Array.from({ length: 400 }, (_, index) => index),
      )
    }
  })

  it('have to agree on its options, but each has its own durability', async () => {
    const path = tempDirectory()
    await using one = await openJournal(path)
    await expect(openJournal(path, { segmentBytes: 8192 })).rejects.toMatchObject({ field: 'options.segmentBytes' })
    await using two = await openJournal(path, { durability: 'memory' })
    expect([one.durability, two.durability]).toEqual(['sync', 'memory'])
    await two.append(1)
    await two.close()
    await one.append(2)
    expect(one.size()).toBe(2)
  })
})

describe('another process', () => {
  it('may read beside the writer, and follow it, but not write', async () => {
    const path = tempDirectory()
    await using journal = await openJournal<number>(path, { segmentBytes: 4096 })
    await journal.append(0)
    const program = `
      import { openJournal } from 'keelson/journal'
      const path = ${JSON.stringify(path)}
      const refused = await openJournal(path).catch(({ code }) => code)
      const journal = await openJournal(path, { readOnly: true, pollMs: 5 })
      const appended = await journal.append(1).catch(({ code }) => code)
      console.log(refused, appended, journal.size())
      let next = 0
      for await (const { sequence, data } of journal.tail({ from: 0 })) {
        if (sequence !== next++ || data !== sequence) throw new Error('out of order')
        if (next === 2000) break
      }
      console.log(journal.size(), journal.getLast().data)
      await journal.close()`
    const child = run(program, { meanwhile: (_, output) => until(() => output().includes('\n')) })
    for (let index = 1; index < 2000; index++) await journal.append(index)
    const { stdout, stderr } = await child
    expect(stdout, stderr).toMatch(/^KEELSON_JOURNAL_LOCKED KEELSON_INVALID_ARGUMENT \d+\n2000 1999\n$/)
  })
})

describe('a tail', () => {
  it('ends at once by `return`, also while it waits', async () => {
    await using journal = await openJournal<number>(tempDirectory())
    await journal.append(1)
    const tail = journal.tail({ from: 0 })
    expect((await tail.next()).value).toMatchObject({ data: 1 })
    const waits = tail.next()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await tail.return(undefined)).toEqual({ done: true, value: undefined })
    expect(await waits).toEqual({ done: true, value: undefined })
    await journal.append(2)
    expect(await tail.next()).toEqual({ done: true, value: undefined })
    const unused = journal.tail()
    expect((await unused.return(undefined)).done).toBe(true)
  })

  it('reads no more than it is asked for, and ends on request', async () => {
    await using journal = await openJournal<number>(tempDirectory())
    await journal.appendMany(Array.from({ length: 100 }, (_, index) => index))
    const tail = journal.tail({ from: 90, pageSize: 4 })
    expect((await tail.next()).value).toMatchObject({ sequence: 90 })
    await tail.return()
    const controller = new AbortController()
    const waiting = journal.tail({ signal: controller.signal }).next()
    const late = journal.tail().next()
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await journal.append(7)
    expect((await late).value).toMatchObject({ sequence: 100, data: 7 })
  })

  it('ends when the journal is closed', async () => {
    const journal = await openJournal<number>(tempDirectory())
    const waiting = journal.tail().next()
    await journal.close()
    expect(await waiting).toEqual({ done: true, value: undefined })
  })
})

it('reads a million entries in little memory', async () => {
  const path = tempDirectory()
  const program = `
    import { openJournal } from 'keelson/journal'
    let journal = await openJournal(${JSON.stringify(path)}, { durability: 'flush' })
    if (journal.size() === 0) {
      const part = Array.from({ length: 10_000 }, (_, index) => ({ type: 'order', index, text: 'x'.repeat(60) }))
      for (let turn = 0; turn < 100; turn++) await journal.appendMany(part)
      await journal.close()
    } else {
      let count = 0
      for await (const { data } of journal.replay()) count += data.index >= 0 ? 1 : 0
      await journal.close()
      console.log(JSON.stringify({ count, rss: process.resourceUsage().maxRSS / 1024 }))
    }`
  await run(program)
  const { stdout, stderr } = await run(program)
  const { count, rss } = JSON.parse(stdout || stderr) as { count: number; rss: number }
  expect(count).toBe(1_000_000)
  // Node itself takes about 50 MiB.
  expect(rss).toBeLessThan(200)
})
