/**
 * The words of shared atoms as memory: what a core of another thread wrote there is looked at with `Atomics.load`,
 * which costs a few nanoseconds where a call costs tens.
 */
import { native } from '../../native.ts'

/** A version that no memory holds, so that a comparison with it always asks the core. */
const UNKNOWN = new Int32Array([-1, -1])
const chunks: (Int32Array | undefined)[] = []

/** The place of a word in memory: its low half at `index`, its high half behind it. */
export interface WordLocation {
  readonly words: Int32Array
  readonly index: number
  /** False where the host maps no foreign memory; the words then hold what no version is. */
  readonly mapped: boolean
}

/** Returns the place of a word, from what the core says of it. */
export function placeOf(chunk: number, offset: number): WordLocation {
  const buffer = chunks[chunk] === undefined ? native.sharedMemory(chunk) : null
  if (buffer !== null) chunks[chunk] = new Int32Array(buffer)
  const words = chunks[chunk]
  if (words === undefined) return { words: UNKNOWN, index: 0, mapped: false }
  return { words, index: offset / Int32Array.BYTES_PER_ELEMENT, mapped: true }
}
