/** Errors of atoms, local and shared. */
import { isCode, KeelsonError } from '../errors/base.ts'
import { show } from '../errors/format-value.ts'

/**
 * An atom was asked to change by its own updater, by a watcher while it tells of a change, or by a second transaction.
 * Nothing changed.
 */
export class AtomReentrancyError extends KeelsonError {
  static readonly code = 'KEELSON_ATOM_REENTRANT'
  readonly code = 'KEELSON_ATOM_REENTRANT'
  constructor(during: 'notification' | 'an update' | 'a transaction') {
    super(`Cannot update atom during ${during} (reentrant update)`)
  }
}

/** The name stands for something shared of another kind: an atom, a counter or a flag. Nothing was opened. */
export class SharedKindError extends KeelsonError {
  static readonly code = 'KEELSON_SHARED_KIND'
  readonly code = 'KEELSON_SHARED_KIND'
  /** The name. */
  readonly shared: string
  /** The kind of the object with that name: `atom`, `counter`, `flag`. */
  readonly kind: string
  constructor(shared: string, kind: string, expected: string) {
    super(`the name ${show(shared)} stands for a shared ${kind}, not for a ${expected}`)
    this.shared = shared
    this.kind = kind
  }
}

/** Returns whether a value is an {@link AtomReentrancyError}, of any copy of the package. */
export const isAtomReentrancyError: (error: unknown) => error is AtomReentrancyError = isCode(AtomReentrancyError.code)
/** Returns whether a value is a {@link SharedKindError}, of any copy of the package. */
export const isSharedKindError: (error: unknown) => error is SharedKindError = isCode(SharedKindError.code)
