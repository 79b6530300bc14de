import { InvalidArgumentError } from '../../errors/errors.ts'
import { callable, fieldOf, isList, list, object } from '../../internal/validate.ts'
import { ReplayError } from '../errors.ts'
import type { JournalEntry } from '../types.ts'

/**
 * Functions that bring events of earlier versions up to date, by the `type` of the event: the first makes version 2 of
 * version 1, the second version 3 of version 2, and so on. The `version` of an event is a field of its data, 1 when it
 * has none. So a type with two functions is at version 3, and new events of it have `version: 3`.
 */
export type Upcasters = { readonly [type: string]: readonly ((event: never) => unknown)[] }

/** Brings events up to date. */
export interface Upcast {
  /** Returns the data of an event at the newest version of its type. */
  apply(data: unknown): unknown
  /** Returns the newest version of a type; `undefined` when it has no upcasters. */
  newest(type: unknown): number | undefined
}

/** Returns the `type` of an event if it is text. */
export function typeOf(data: unknown): string | undefined {
  const type = fieldOf(data, 'type')
  return typeof type === 'string' ? type : undefined
}

/** Returns the `version` of an event: 1 when it has none. */
export const versionOf = (data: unknown): unknown => fieldOf(data, 'version') ?? 1

/**
 * Checks that each chain is whole.
 *
 * @throws InvalidArgumentError naming the link that is missing.
 */
export function checkUpcast(field: string, upcast: Upcasters | undefined): Upcast {
  const chains = new Map<string, readonly ((event: unknown) => unknown)[]>()
  for (const [type, chain] of Object.entries(upcast === undefined ? {} : object<Upcasters>(field, upcast))) {
    const links = list(`${field}.${type}`, chain, 'a list of functions, from version 1 on')
    const checked: ((event: unknown) => unknown)[] = []
    // A hole in the list is a missing link, which `map` would skip.
    for (let index = 0; index < links.length; index++)
      checked.push(callable(`${field}.${type}[${index}]`, links[index]))
    chains.set(type, checked)
  }
  const chainOf = (data: unknown): readonly ((event: unknown) => unknown)[] | undefined => {
    const type = chains.size === 0 ? undefined : typeOf(data)
    return type === undefined ? undefined : chains.get(type)
  }
  return {
    apply(data) {
      const chain = chainOf(data)
      if (chain === undefined) return data
      const version = versionOf(data)
      const newest = chain.length + 1
      if (!Number.isInteger(version) || (version as number) < 1 || (version as number) > newest) {
        throw new InvalidArgumentError('event.version', `an integer from 1 to ${newest}`, version)
      }
      let event = data
      for (let at = (version as number) - 1; at < chain.length; at++) event = chain[at]?.(event)
      return event
    },
    newest: (type) => {
      const chain = typeof type === 'string' ? chains.get(type) : undefined
      return chain === undefined ? undefined : chain.length + 1
    },
  }
}

/** Returns an entry with data that is up to date. @throws ReplayError when an upcaster throws. */
export function upcastEntry<T>(upcast: Upcast, entry: JournalEntry<T>): JournalEntry<T> {
  try {
    const data = upcast.apply(entry.data) as T
    return data === entry.data ? entry : Object.freeze({ ...entry, data })
  } catch (error) {
    throw new ReplayError(entry.sequence, typeOf(entry.data), error)
  }
}

/** Applies an event by a function, or by the function of its type. */
export type Apply<S, T> =
  | ((state: S, event: T, entry: JournalEntry<T>) => S | undefined)
  | { readonly [type: string]: (state: S, event: never, entry: JournalEntry<T>) => S | undefined }

/** Returns the state after an entry; `undefined` when nobody knows its type. */
export type Applied<S, T> = (state: S, entry: JournalEntry<T>) => S | undefined

/** @throws InvalidArgumentError for anything but a function, or functions by type. */
export function checkApply<S, T>(field: string, apply: Apply<S, T>): Applied<S, T> {
  if (typeof apply === 'function') return (state, entry) => apply(state, entry.data, entry)
  const expected = 'a function, or an object with a function for each type of event'
  if (isList(apply)) throw new InvalidArgumentError(field, expected, apply)
  const byType = new Map<string, (state: S, event: never, entry: JournalEntry<T>) => S | undefined>()
  for (const [type, one] of Object.entries(object(field, apply, expected))) {
    byType.set(type, callable(`${field}.${type}`, one))
  }
  return (state, entry) => {
    const type = typeOf(entry.data)
    return type === undefined ? undefined : byType.get(type)?.(state, entry.data as never, entry)
  }
}

/**
 * Returns the state after an entry.
 *
 * @throws ReplayError when `apply` throws, returns a promise, or returns `undefined` and `ignoresUnknown` is false.
 */
export function stateAfter<S, T>(apply: Applied<S, T>, state: S, entry: JournalEntry<T>, ignoresUnknown: boolean): S {
  const type = typeOf(entry.data)
  let next: S | undefined
  try {
    next = apply(state, entry)
  } catch (error) {
    throw new ReplayError(entry.sequence, type, error)
  }
  if (next === undefined) {
    if (ignoresUnknown) return state
    throw new ReplayError(entry.sequence, type, new Error('apply returned undefined, as for a type it does not know'))
  }
  if (typeof fieldOf(next, 'then') === 'function') {
    throw new ReplayError(entry.sequence, type, new Error('apply returned a promise, and has to be synchronous'))
  }
  return next
}
