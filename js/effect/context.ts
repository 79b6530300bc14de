/** Contexts: values by key that flow into effects. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { isA } from '../internal/validate.ts'

/** Values by key that flow into an effect and into everything that it starts. Read-only. Default: no values. */
export interface Context {
  /** All values, as they are now. */
  readonly values: ReadonlyMap<string, unknown>
  /** Returns the value of a key, `undefined` when there is none. Its type is not checked. */
  get<T = unknown>(key: string): T | undefined
  /** Returns whether there is a value for a key. */
  has(key: string): boolean
  /** Iterates over the keys. */
  keys(): IterableIterator<string>
}

/** A context that never changes: `with` returns another. Created by {@link createContext}. */
export class ContextImpl implements Context {
  /** The values by key. */
  readonly values: ReadonlyMap<string, unknown>

  /** Copies the values. */
  constructor(values?: ReadonlyMap<string, unknown>) {
    this.values = new Map(values === undefined ? [] : contextValues(values))
  }

  /** Returns the value of a key, or `undefined`. */
  get<T = unknown>(key: string): T | undefined {
    return this.values.get(key) as T | undefined
  }

  /** Returns whether there is a value with this key. */
  has(key: string): boolean {
    return this.values.has(key)
  }

  /** Returns the keys, in the order in which they were added. */
  keys(): IterableIterator<string> {
    return this.values.keys()
  }

  /** Returns a context with one more value; this one does not change. */
  with(key: string, value: unknown): ContextImpl {
    return new ContextImpl(withValue(this.values, key, value))
  }
}

function contextValues(values: unknown): ReadonlyMap<string, unknown> {
  if (isA(values, Map)) return values as ReadonlyMap<string, unknown>
  throw new InvalidArgumentError('values', 'a Map', values)
}

/**
 * Creates a context for the option `context` of `run`.
 *
 * @throws InvalidArgumentError when `values` is no Map.
 */
export function createContext(values?: ReadonlyMap<string, unknown>): ContextImpl {
  return new ContextImpl(values)
}

/** Returns a copy with one more value. Contexts are small, and fibres share them until one of them sets a value. */
export const withValue = (
  values: ReadonlyMap<string, unknown> | undefined,
  key: string,
  value: unknown,
): ReadonlyMap<string, unknown> => new Map(values).set(contextKey(key), value)

/** Returns a key after checking that it is a string. */
export function contextKey(key: unknown): string {
  if (typeof key !== 'string') throw new InvalidArgumentError('key', 'a string', key)
  return key
}
