import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openJournal, type DurableJournalOptions } from 'keelson/journal'
import { describe, expect, it } from 'vitest'

import { run } from '../../support/node-program.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const code = (name: string): object => expect.objectContaining({ code: `KEELSON_${name}` }) as object

describe('bad input is refused, and nothing is written', () => {
  it.each(['', 'a\0b', 5, undefined, '\ud800'])('the path %j', async (path) => {
    await expect(openJournal(path as string)).rejects.toThrow(code('INVALID_ARGUMENT'))
  })

  it.each<object>([
    { durability: 'never' },
    { segmentBytes: 10 },
    { maxEntries: 0 },
    { maxRecordBytes: 2 ** 29 },
    { overflow: 'bounded:error' },
    { readOnly: true, salvage: true },
    { unknown: 1 },
    { maxAgeMs: Number.NaN },
  ])('the options %j', async (options) => {
    const path = join(tempDirectory(), 'journal')
    await expect(openJournal(path, options as DurableJournalOptions<unknown>)).rejects.toThrow(code('INVALID_ARGUMENT'))
    expect(existsSync(path)).toBe(false)
  })

  it('data', async () => {
    await using journal = await openJournal<unknown>(tempDirectory(), {
      maxRecordBytes: 1000,
      key: (data) => data as string,
    })
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    await expect(journal.append(cycle)).rejects.toThrow(code('NOT_PLAIN'))
    await expect(journal.append(() => 1)).rejects.toThrow(code('NOT_PLAIN'))
    await expect(journal.append('a\0b')).rejects.toThrow(code('INVALID_ARGUMENT'))
    await expect(journal.append('x'.repeat(600))).rejects.toMatchObject({
      code: 'KEELSON_RECORD_TOO_LARGE',
      limit: 1000,
    })
    await expect(journal.appendMany(['a', 'x'.repeat(900)])).rejects.toThrow(code('RECORD_TOO_LARGE'))
    await expect(journal.saveSnapshot(1, { sequence: 0 })).rejects.toThrow(code('INVALID_ARGUMENT'))
    await expect(journal.saveSnapshot(Symbol('no'))).rejects.toThrow(code('NOT_PLAIN'))
    expect(journal.size()).toBe(0)
    expect((await journal.append('good')).sequence).toBe(0)
  })

  it("a directory of another program's", async () => {
    const path = tempDirectory()
    writeFileSync(join(path, 'data.db'), 'precious')
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'KEELSON_JOURNAL_FORMAT', path })
    expect(readdirSync(path)).toEqual(['data.db'])
  })

  it('a file, and what lies below a file', async () => {
    const file = join(tempDirectory(), 'file')
    writeFileSync(file, '')
    await expect(openJournal(file)).rejects.toMatchObject({ code: 'KEELSON_JOURNAL_IO', osCode: 'EEXIST' })
    await expect(openJournal(join(file, 'below'))).rejects.toMatchObject({ osCode: 'ENOTDIR' })
    await expect(openJournal(join(file, '..', 'none'), { readOnly: true })).rejects.toMatchObject({ osCode: 'ENOENT' })
  })

  it('an empty directory to read', async () => {
    await expect(openJournal(tempDirectory(), { readOnly: true })).rejects.toThrow(code('JOURNAL_FORMAT'))
  })

  it('a newer version of the format', async () => {
    const path = tempDirectory()
    await (await openJournal(path)).close()
    const name = readdirSync(path).find((file) => file.endsWith('.segment'))!
    const bytes = readFileSync(join(path, name))
    bytes.writeUInt32LE(3, 8)
    bytes.writeUInt32LE(crc32c(bytes.subarray(0, 60)), 60)
    writeFileSync(join(path, name), bytes)
    const refused = expect.objectContaining({ reason: expect.stringContaining('version 3') as string }) as object
    await expect(openJournal(path)).rejects.toThrow(refused)
    expect(readFileSync(join(path, name)).equals(bytes)).toBe(true)
  })
})

describe('damage', () => {
  async function written(clean: boolean): Promise<{ path: string; segment: string }> {
    const path = tempDirectory()
    const program = `
      import { openJournal } from 'keelson/journal'
      const journal = await openJournal(${JSON.stringify(path)})
      for (let index = 0; index < 20; index++) await journal.append({ index })
      ${clean ? 'await journal.close()' : "process.kill(process.pid, 'SIGKILL')"}`
    await run(program)
    return {
      path,
      segment: join(
        path,
        readdirSync(path).find((name) => name.endsWith('.segment'))!,
      ),
    }
  }

  it('in the middle is refused with its place, and salvaged on request', async () => {
    const { path, segment } = await written(false)
    const bytes = readFileSync(segment)
    bytes[300]! ^= 1
    writeFileSync(segment, bytes)
    const error: object = await openJournal(path).then(
      () => ({}),
      (reason: object) => reason,
    )
    expect(error).toMatchObject({ code: 'KEELSON_JOURNAL_CORRUPT', reason: 'the checksum differs' })
    const { offset } = error as { offset: number }
    expect(offset).toBeLessThanOrEqual(300)
    expect(readFileSync(segment).equals(bytes)).toBe(true)
    const salvaged = await openJournal<{ index: number }>(path, { salvage: true })
    expect(salvaged.recovery.dropped).toMatchObject([{ offset }])
    expect(salvaged.getAll().map(({ index }) => index)).toEqual(
      Array.from({ length: 20 }, (_, index) => index).filter((index) => salvaged.getEntry(index) !== undefined),
    )
    expect(salvaged.size()).toBe(19)
    expect((await salvaged.append({ index: 20 })).sequence).toBe(20)
    await salvaged.close()
    await using again = await openJournal(path)
    expect(again.size()).toBe(20)
  })

  it('at the end is cut and reported after a crash, and refused after a close', async () => {
    const torn = await written(false)
    writeFileSync(torn.segment, Buffer.concat([readFileSync(torn.segment), Buffer.alloc(100, 7)]))
    const journal = await openJournal(torn.path)
    expect(journal.recovery).toMatchObject({ entries: 20, clean: false, dropped: [{ bytes: 100 }] })
    await journal.close()
    const closed = await written(true)
    const bytes = readFileSync(closed.segment)
    // In the last entry, before the mark of the close.
    bytes[bytes.length - 80]! ^= 1
    writeFileSync(closed.segment, bytes)
    await expect(openJournal(closed.path)).rejects.toThrow(code('JOURNAL_CORRUPT'))
  })
})

describe('what the operating system refuses', () => {
  it('closes the journal, and what was acknowledged is there', async () => {
    const path = tempDirectory()
    // The largest file this process may write is 64 KiB: the disk is full, as far as it knows.
    const child = await run(
      `
      import { openJournal } from 'keelson/journal'
      process.on('SIGXFSZ', () => {})
      const events = []
      const journal = await openJournal(${JSON.stringify(path)}, { emit: ({ type }) => events.push(type) })
      let kept = 0
      try {
        for (;;) kept = (await journal.append('x'.repeat(500))).sequence + 1
      } catch (error) {
        const again = await journal.append(1).catch((second) => second.code)
        console.log(JSON.stringify({ kept, code: error.code, os: error.osCode, operation: error.operation, again, closed: journal.closed, last: events.at(-1) }))
        await journal.close()
      }`,
      { shell: 'ulimit -f 64' },
    )
    const { kept, ...rest } = JSON.parse(child.stdout) as { kept: number }
    expect(rest).toEqual({
      code: 'KEELSON_JOURNAL_IO',
      os: 'EFBIG',
      operation: 'write',
      again: 'KEELSON_CLOSED',
      closed: true,
      last: 'journal:closed',
    })
    const journal = await openJournal(path)
    expect(journal.size()).toBeGreaterThanOrEqual(kept)
    expect(journal.size()).toBeLessThanOrEqual(kept + 1)
    await journal.close()
  })

  it('a directory that vanished', async () => {
    const path = tempDirectory()
    const journal = await openJournal(path)
    await journal.append(1)
    rmSync(path, { recursive: true })
    await expect(journal.append(2)).rejects.toMatchObject({ code: 'KEELSON_JOURNAL_IO', osCode: 'ENOENT' })
    expect(journal.closed).toBe(true)
    await journal.close()
    mkdirSync(path)
    await (await openJournal(path)).close()
  })
})

/** The checksum of the format, bit by bit. */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
