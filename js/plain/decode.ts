import { instant } from '../clock/instant.ts'
import { NotPlainError } from './errors.ts'
import { TAG } from './kinds.ts'

interface Tagged {
  readonly [TAG]: string
  readonly t?: string
  readonly v?: unknown
}

const isTagged = (value: object): value is Tagged => Object.hasOwn(value, TAG)

/**
 * Returns the value of which `encodePlain` made text, from that text after `JSON.parse`.
 *
 * @throws NotPlainError for a tag that this version does not know.
 */
export function revivePlain(parsed: unknown): unknown {
  if (typeof parsed !== 'object' || parsed === null || !isTagged(parsed)) return parsed
  return parsed[TAG] === 'plain' ? untagged(parsed.v) : unknownTag(parsed)
}

function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => untagged(item))
  if (isTagged(value)) return untag(value)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, untagged(item)]))
}

function untag(value: Tagged): unknown {
  switch (value[TAG]) {
    case 'undefined':
      return undefined
    case 'number':
      return Number(value.v)
    case 'bigint':
      return BigInt(value.v as string)
    case 'date':
      return new Date((value.v as number | null) ?? NaN)
    case 'instant':
      return instant(...(value.v as [number, number]))
    case 'map':
      return new Map((value.v as [unknown, unknown][]).map(([key, item]) => [untagged(key), untagged(item)]))
    case 'set':
      return new Set((value.v as unknown[]).map((item) => untagged(item)))
    case 'object':
      return Object.fromEntries((value.v as [string, unknown][]).map(([key, item]) => [key, untagged(item)]))
    case 'bytes':
      return bytes(value)
    default:
      return unknownTag(value)
  }
}

const views = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const

function bytes(value: Tagged): unknown {
  const decoded = Buffer.from(value.v as string, 'base64')
  if (value.t === 'Buffer') return decoded
  // A buffer of its own: small Buffers share one, at any offset.
  const own = new Uint8Array(decoded).buffer
  if (value.t === 'ArrayBuffer') return own
  const View = Object.hasOwn(views, value.t ?? '') ? views[value.t as keyof typeof views] : undefined
  return View === undefined ? unknownTag(value) : new View(own)
}

function unknownTag(value: Tagged): never {
  throw new NotPlainError('the stored value', `of a kind this version does not know (${value[TAG]} ${value.t ?? ''})`)
}
