import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openJournal } from 'keelson/journal'
import { expect, it } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly n: number
}

it('copies a journal while it is written to, with its saved states', async () => {
  const [path, copy] = [tempDirectory(), join(tempDirectory(), 'copy')]
  const journal = await openJournal<Event>(path, { segmentBytes: 4096 })
  const consumer = journal.consumer('all', () => {})
  await Promise.all(Array.from({ length: 200 }, (_, n) => journal.append({ n }, { stream: `s${n % 3}` })))
  await consumer.whenCaughtUp()
  await journal.saveSnapshot({ kept: true })
  const backup = journal.backup(copy)
  let appended = 200
  const writing = (async () => {
    while (appended < 260) await journal.append({ n: appended++ }, { stream: 's0' })
  })()
  const report = await backup
  await writing
  expect(report).toMatchObject({ path: copy, entries: report.nextSequence })
  expect(report.nextSequence).toBeGreaterThanOrEqual(200)
  expect(report.linked).toBeGreaterThan(0)
  await journal.close()
  await using copied = await openJournal<Event>(copy, { segmentBytes: 4096 })
  expect(copied.recovery).toMatchObject({ clean: true, dropped: [], entries: report.entries })
  expect(copied.getAll().map(({ n }) => n)).toEqual(Array.from({ length: report.entries }, (_, n) => n))
  expect(copied.loadSnapshot()).toMatchObject({ state: { kept: true } })
  // The copy is a journal of its own: it goes on from its checkpoint, and leaves the original alone.
  const seen: number[] = []
  const next = copied.nextSequence
  await using again = copied.consumer('all', ({ data }) => void seen.push(data.n))
  await again.whenCaughtUp()
  expect(seen.every((n) => n >= 200)).toBe(true)
  await copied.append({ n: -1 })
  await using original = await openJournal<Event>(path, { segmentBytes: 4096 })
  expect([original.nextSequence, original.getAll().length]).toEqual([260, 260])
  expect(next).toBe(report.nextSequence)
})

it('copies a journal whose directory of saved states has nothing in it yet', async () => {
  const [path, copy] = [tempDirectory(), join(tempDirectory(), 'copy')]
  await using journal = await openJournal<Event>(path)
  await journal.append({ n: 1 })
  // As the first consumer leaves it for a moment, and a kill in that moment for longer.
  mkdirSync(join(path, 'states'))
  expect(await journal.backup(copy)).toMatchObject({ nextSequence: 1 })
  expect(readdirSync(copy)).not.toContain('states')
})

it('copies beside the writer from a read-only journal', async () => {
  const [path, copy] = [tempDirectory(), tempDirectory()]
  await using writer = await openJournal<Event>(path, { maxEntries: 3 })
  for (let n = 0; n < 5; n++) await writer.append({ n })
  await using reader = await openJournal<Event>(path, { readOnly: true })
  expect(await reader.backup(copy)).toMatchObject({ nextSequence: 5 })
  await using copied = await openJournal<Event>(copy, { readOnly: true })
  expect(copied.getLast()?.data.n).toBe(4)
})

it('refuses a directory that holds something', async () => {
  const [path, copy] = [tempDirectory(), tempDirectory()]
  writeFileSync(join(copy, 'mine'), 'x')
  await using journal = await openJournal<Event>(path)
  await journal.append({ n: 1 })
  const refusal = { code: 'KEELSON_INVALID_ARGUMENT', field: 'directory' }
  await expect(journal.backup(copy)).rejects.toMatchObject(refusal)
  await expect(journal.backup('')).rejects.toMatchObject(refusal)
  await expect(journal.backup(path)).rejects.toMatchObject(refusal)
  expect(readdirSync(copy)).toEqual(['mine'])
  mkdirSync(join(copy, 'states'))
  expect(journal.closed).toBe(false)
  await journal.append({ n: 2 })
})
