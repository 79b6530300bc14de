// A text that several editors change at the same time: a replicated growable array. Each character has an id and the id of
// the character that it was typed behind. Characters typed behind the same one stand in descending order of their ids.
// A removed character stays as a tombstone. So all who applied the same changes have the same text, in whatever order
// they applied them, as long as no character comes before the one that it stands behind.
//
// This module runs in the server and in the browser, and imports nothing.

/** The id of a character: a counter above those that its site had seen, and the site. */
export type CharId = readonly [counter: number, site: string]

/** A change of one site. `n` counts the changes of the site, from 1. */
export type Change = { readonly site: string; readonly n: number } & (
  | {
      readonly type: 'insert'
      /** The character before the text; `null` for the beginning. */
      readonly after: CharId | null
      /** The counter of the first character. The others follow, each behind the one before. */
      readonly counter: number
      readonly text: string
    }
  | { readonly type: 'remove'; readonly runs: readonly Run[] }
)

/** Consecutive counters of one site. */
export type Run = readonly [counter: number, site: string, length: number]

/** A character: its id, one code point, and whether it was removed. Plain data, so that it can be saved. */
export interface Char {
  readonly counter: number
  readonly site: string
  readonly text: string
  readonly removed: boolean
}

/** A text as its characters, in order, with those that were removed. */
export type Sequence = readonly Char[]

const isHigher = (char: Char, counter: number, site: string): boolean =>
  char.counter > counter || (char.counter === counter && char.site > site)

function indexOf(sequence: Sequence, counter: number, site: string): number {
  return sequence.findIndex((char) => char.counter === counter && char.site === site)
}

/** Returns whether a text has a character, removed or not. */
export const has = (sequence: Sequence, counter: number, site: string): boolean =>
  indexOf(sequence, counter, site) !== -1

/** Returns the text after a change. */
export function applyChange(sequence: Sequence, change: Change): Sequence {
  if (change.type === 'remove') {
    const isIn = (char: Char, [counter, site, length]: Run): boolean =>
      char.site === site && char.counter >= counter && char.counter < counter + length
    return sequence.map((char) => (change.runs.some((run) => isIn(char, run)) ? { ...char, removed: true } : char))
  }
  const { after, counter, site } = change
  let at = after === null ? 0 : indexOf(sequence, ...after) + 1
  // What stands here was typed behind the same character, or behind one of those: the higher id goes first.
  while (at < sequence.length && isHigher(sequence[at] as Char, counter, site)) at++
  const chars = Array.from(change.text, (text, index) => ({ counter: counter + index, site, text, removed: false }))
  return sequence.toSpliced(at, 0, ...chars)
}

/** Returns the characters that are not removed. */
export const visible = (sequence: Sequence): Char[] => sequence.filter(({ removed }) => !removed)

/** Returns the text. */
export const textOf = (sequence: Sequence): string =>
  visible(sequence)
    .map(({ text }) => text)
    .join('')

/** Returns the ids of characters as runs. */
export function runsOf(chars: readonly Char[]): Run[] {
  const runs: [number, string, number][] = []
  for (const { counter, site } of chars) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === site && last[0] + last[2] === counter) last[2]++
    else runs.push([counter, site, 1])
  }
  return runs
}
