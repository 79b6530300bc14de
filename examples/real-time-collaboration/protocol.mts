// The messages between an editor and the server, as JSON. Any of them may be lost, late, or come twice or in another
// order: each says where it belongs, and the receiver leaves out what it has and asks again for what it lacks.
//
// This module runs in the server and in the browser, and imports no other package.
import type { Change, CharId, Run } from './sequence.mjs'

/** A message of an editor. */
export type ToServer =
  /** Begins a session, or begins it again. The server sends changes from `position` on. */
  | {
      readonly type: 'hello'
      readonly document: string
      readonly site: string
      readonly name: string
      position: number
    }
  /** Changes of the editor, in order. */
  | { readonly type: 'edit'; readonly changes: readonly Change[] }
  /** Keeps the session alive, says how many changes the editor has, and where its cursor stands. */
  | { readonly type: 'beat'; readonly position: number; readonly cursor: number }

/** A message of the server. */
export type ToEditor =
  /** Changes of the document. The first is the one number `from`. The editor's own among them are saved now. */
  | { readonly type: 'changes'; readonly from: number; readonly changes: readonly Change[] }
  /** The editors that are there. Of two such messages, the one with the higher number is newer. */
  | { readonly type: 'presence'; readonly number: number; readonly editors: readonly Presence[] }
  /** The server cannot take changes now. The editor sends them again later. */
  | { readonly type: 'busy'; readonly retryAfterMs: number }
  /** The session ends, because of something that another attempt would not change. */
  | { readonly type: 'refused'; readonly reason: string }

/** An editor who is there. */
export interface Presence {
  readonly site: string
  readonly name: string
  readonly cursor: number
}

/** The most characters of one change, changes of one message, and characters of a document with those removed. */
export const MOST = { text: 2000, changes: 50, characters: 100_000, message: 1 << 20 }
/** The interval of beats. An editor who misses three is gone. */
export const BEAT_MS = 2000

type Fields = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isSite = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-z-]{1,40}$/.test(value)
const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= most

const isId = (value: unknown): value is CharId =>
  Array.isArray(value) && value.length === 2 && isCount(value[0]) && isSite(value[1])
const isRun = (value: unknown): value is Run =>
  Array.isArray(value) && value.length === 3 && isCount(value[0]) && isSite(value[1]) && isCount(value[2])

function isChange(value: unknown): value is Change {
  if (!isRecord(value) || !isSite(value['site']) || !isCount(value['n'])) return false
  if (value['type'] === 'insert') {
    const { after, counter, text } = value
    return (
      (after === null || isId(after)) && isCount(counter) && isText(text, MOST.text) && !/\p{Surrogate}/u.test(text)
    )
  }
  const { type, runs } = value
  if (type !== 'remove' || !Array.isArray(runs) || runs.length > MOST.text || !runs.every(isRun)) return false
  return runs.reduce((sum, [, , length]) => sum + length, 0) <= MOST.text
}

/** Names of documents are names of directories. */
export const isDocumentName = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z0-9][a-z0-9-]{0,39}$/.test(value)

/** Returns a message of an editor, or `undefined` for anything else. */
export function readMessage(text: string): ToServer | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  const { type, document, site, name, position, changes, cursor } = value
  if (type === 'hello' && isDocumentName(document) && isSite(site) && isText(name, 40) && isCount(position)) {
    return { type, document, site, name, position }
  }
  if (type === 'edit' && Array.isArray(changes) && changes.length <= MOST.changes && changes.every(isChange)) {
    return { type, changes }
  }
  if (type === 'beat' && isCount(position) && isCount(cursor)) return { type, position, cursor }
  return undefined
}
