import { text } from '../../internal/validate.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { newId } from '../host.ts'
import type { ProcessId } from '../ids.ts'

/** An id as an object, for `createProcess` and `createSupervisor`. */
export class ProcessIdImpl {
  readonly value: string

  /**
   * Makes the id of a text; without one, a fresh id.
   *
   * @throws InvalidArgumentError for an empty text.
   */
  constructor(value?: string) {
    this.value = value === undefined ? newId(getDefaultSystem()) : text('value', value)
  }

  equals(other: { readonly value: string }): boolean {
    try {
      return other?.value === this.value
    } catch {
      // A proxy that does not say is no id.
      return false
    }
  }

  toString(): string {
    return this.value
  }
}

/** A fresh id, in the form of a UUID; with a text, an id object of that text. */
export function createProcessId(): ProcessId
export function createProcessId(value: string): ProcessIdImpl
export function createProcessId(value?: string): ProcessId | ProcessIdImpl {
  return value === undefined ? newId(getDefaultSystem()) : new ProcessIdImpl(value)
}
