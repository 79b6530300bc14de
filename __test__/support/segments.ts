/** Reads the segments of a journal on disk as docs/journal-format.md describes them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const HEADER = 64

/** A record of a segment. */
export interface SegmentRecord {
  readonly offset: number
  readonly size: number
  /** The bytes of the segment that were known to be on disk when it was written. */
  readonly synced: number
  /** True for the mark of a close, which is no entry. */
  readonly isMark: boolean
}

/** Returns the path of the last segment of a journal. */
export function segmentOf(directory: string): string {
  const names = readdirSync(directory).filter((name) => name.endsWith('.segment'))
  return join(directory, names.toSorted().at(-1) as string)
}

/** Returns the records of the last segment of a journal. */
export function recordsOf(directory: string): SegmentRecord[] {
  const bytes = readFileSync(segmentOf(directory))
  const records: SegmentRecord[] = []
  for (let offset = HEADER; offset < bytes.length;) {
    const size = 8 + bytes.readUInt32LE(offset + 4)
    records.push({ offset, size, synced: bytes.readUInt32LE(offset + 32), isMark: (bytes[offset + 36]! & 4) !== 0 })
    offset += size
  }
  return records
}
