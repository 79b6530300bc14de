import { isA } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'

/** Values by key that flow into what is run. */
export interface Context {
  /** All of them, as they are now. */
  readonly values: ReadonlyMap<string, unknown>
  get<T = unknown>(key: string): T | undefined
  has(key: string): boolean
  keys(): IterableIterator<string>
}

/** A context that does not change: `with` makes another. */
export class ContextImpl implements Context {
  readonly values: ReadonlyMap<string, unknown>

  constructor(values?: ReadonlyMap<string, unknown>) {
    this.values = new Map(values === undefined ? [] : contextValues(values))
  }

  get<T = unknown>(key: string): T | undefined {
    return this.values.get(key) as T | undefined
  }

  has(key: string): boolean {
    return this.values.has(key)
  }

  keys(): IterableIterator<string> {
    return this.values.keys()
  }

  /** A context with one more value; this one stays as it is. */
  with(key: string, value: unknown): ContextImpl {
    return new ContextImpl(withValue(this.values, key, value))
  }
}

function contextValues(values: unknown): ReadonlyMap<string, unknown> {
  if (isA(values, Map)) return values as ReadonlyMap<string, unknown>
  throw new InvalidArgumentError('values', 'a Map', values)
}

/** A context to hand to `run`. */
export function createContext(values?: ReadonlyMap<string, unknown>): ContextImpl {
  return new ContextImpl(values)
}

/** Contexts are small and shared by fibres that have not changed them, so a change copies. */
export const withValue = (
  values: ReadonlyMap<string, unknown> | undefined,
  key: string,
  value: unknown,
): ReadonlyMap<string, unknown> => new Map(values).set(contextKey(key), value)

export function contextKey(key: unknown): string {
  if (typeof key !== 'string') throw new InvalidArgumentError('key', 'a string', key)
  return key
}
