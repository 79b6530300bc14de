/**
 * Ids as objects. Kept because programs written for the classic interface use them; new code uses {@link ProcessId}.
 */
import { text } from '../../internal/validate.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { newId } from '../host.ts'
import type { ProcessId } from '../ids.ts'

/** An id as an object, for `createProcess` and `createSupervisor`. */
export class ProcessIdImpl {
  /** The text of the id. */
  readonly value: string

  /**
   * Creates the id of a text, or a new id without one.
   *
   * @throws InvalidArgumentError for an empty text.
   */
  constructor(value?: string) {
    this.value = value === undefined ? newId(getDefaultSystem()) : text('value', value)
  }

  /** Returns whether another id has the same text. Never throws. */
  equals(other: { readonly value: string }): boolean {
    try {
      return other?.value === this.value
    } catch {
      // A value whose text cannot be read is no id.
      return false
    }
  }

  /** Returns the text of the id. */
  toString(): string {
    return this.value
  }
}

/** Returns a new id in the form of a UUID; with a text, an id object of that text. */
export function createProcessId(): ProcessId
export function createProcessId(value: string): ProcessIdImpl
export function createProcessId(value?: string): ProcessId | ProcessIdImpl {
  return value === undefined ? newId(getDefaultSystem()) : new ProcessIdImpl(value)
}
