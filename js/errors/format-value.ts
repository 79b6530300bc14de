/** Shows a value in a message: short, without running any of its code, and without what it keeps inside. */
import { types } from 'node:util'

const LONGEST_TEXT = 60
const MOST_PARTS = 5

/**
 * Returns a text for a value: `"a text"`, `[] (an empty array)`, `[1, "b", an object] (an array of 3)`,
 * `an object { host, port }`, `an instance of Map`. Values of an object's fields are left out, as they may be secret.
 * Calls no getter and no trap, and never throws.
 */
export function show(value: unknown): string {
  try {
    return !types.isProxy(value) && Array.isArray(value) ? showArray(value) : showOne(value)
  } catch {
    return `a value without text (${typeof value})`
  }
}

function showOne(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(short(value))
  if (typeof value === 'function') return types.isProxy(value) ? 'a function' : `function ${nameOf(value)}`
  if (typeof value === 'bigint') return `${short(String(value))}n`
  if (typeof value === 'object' && value !== null) return showObject(value)
  return Object.is(value, -0) ? '-0' : short(String(value))
}

function showArray(list: readonly unknown[]): string {
  if (list.length === 0) return '[] (an empty array)'
  const parts = Array.from({ length: Math.min(list.length, MOST_PARTS) }, (_, index) => {
    const part = Object.getOwnPropertyDescriptor(list, index)
    if (part === undefined) return 'a hole'
    return 'value' in part ? showOne(part.value) : 'a getter'
  })
  if (list.length > MOST_PARTS) parts.push('…')
  return `[${parts.join(', ')}] (an array of ${list.length})`
}

function showObject(value: object): string {
  if (types.isProxy(value)) return 'a proxy'
  if (Array.isArray(value)) return 'an array'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
    const name = typeof maker === 'function' && !types.isProxy(maker) ? nameOf(maker) : '(anonymous)'
    return name === '(anonymous)' ? 'an object' : `an instance of ${name}`
  }
  const names = Object.keys(value)
  if (names.length === 0) return 'an object without fields'
  const shown = names.slice(0, MOST_PARTS).map(short)
  if (names.length > MOST_PARTS) shown.push('…')
  return `an object { ${shown.join(', ')} }`
}

/** Returns a function's own name, unless that is a getter. */
function nameOf(callee: object): string {
  const name: unknown = Object.getOwnPropertyDescriptor(callee, 'name')?.value
  return typeof name === 'string' && name !== '' ? short(name) : '(anonymous)'
}

const short = (text: string): string => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text)
