/** Shows values to clients without running code of theirs: no getter, no proxy, no method of an object. */
import { builtin } from '../internal/builtin.ts'
import type { ObserveStateOptions } from './types.ts'

const DEEPEST = 6
const MOST_FIELDS = 100
const LONGEST_TEXT = 1000
/** Values of one answer. */
const MOST_VALUES = 5000
const HIDDEN = '[hidden]'

/** Returns a value as plain data, with `redact` applied to each part. */
export function shownValue(value: unknown, { redact }: ObserveStateOptions): unknown {
  let left = MOST_VALUES
  const { isProxy } = builtin('node:util').types

  const show = (raw: unknown, path: string, depth: number): unknown => {
    if (--left < 0) return '[…]'
    let shown = raw
    if (redact !== undefined) {
      try {
        shown = redact(raw, path)
      } catch {
        return HIDDEN
      }
    }
    switch (typeof shown) {
      case 'string':
        return shown.length > LONGEST_TEXT ? `${shown.slice(0, LONGEST_TEXT)}…` : shown
      case 'number':
        return Number.isFinite(shown) ? shown : String(shown)
      case 'boolean':
        return shown
      case 'object':
        return shown === null ? null : showObject(shown, path, depth)
      case 'undefined':
        return '[undefined]'
      case 'bigint':
        return `${shown}n`
      default:
        return `[${typeof shown}]`
    }
  }

  const showObject = (object: object, path: string, depth: number): unknown => {
    if (isProxy(object)) return '[proxy]'
    if (depth >= DEEPEST) return '[…]'
    if (Array.isArray(object)) {
      const items = Array.from({ length: Math.min(object.length, MOST_FIELDS) }, (_, index) =>
        field(object, String(index), path, depth),
      )
      return object.length > MOST_FIELDS ? [...items, '[…]'] : items
    }
    if (object instanceof Map || object instanceof Set) return `[${object instanceof Map ? 'Map' : 'Set'}]`
    const fields: Record<string, unknown> = {}
    for (const name of Object.keys(object).slice(0, MOST_FIELDS)) fields[name] = field(object, name, path, depth)
    return fields
  }

  const field = (object: object, name: string, path: string, depth: number): unknown => {
    const found = Object.getOwnPropertyDescriptor(object, name)
    if (found === undefined) return '[undefined]'
    if (!('value' in found)) return '[getter]'
    return show(found.value, path === '' ? name : `${path}.${name}`, depth + 1)
  }

  return show(value, '', 0)
}
