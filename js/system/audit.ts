import type { ErrorOwner } from '../internal/report-error.ts'
import { callable, callbacks, fieldOf, object } from '../internal/validate.ts'
import { isError, textOf } from '../internal/thrown-values.ts'
import { promiseOf } from '../internal/thenable.ts'

/** An event that is written to a journal: plain data, with the name of the event as `type`. */
export interface AuditEvent {
  /** The name of the event: `process:crashed`, `supervisor:restarted`, `atom:commit`, `gate:shed` … */
  readonly type: string
  readonly [field: string]: unknown
}

/** A journal that takes events; a `Journal` of `keelson/journal` is one. */
export interface AuditJournal {
  /** Appends an event. What it throws, or rejects with, goes to the system's `onError`, and stops nothing. */
  append(event: never): unknown
}

/** The depth to which fields of an event are copied. */
const DEEPEST = 4

/** @throws InvalidArgumentError for what is no journal. */
export function checkAuditJournal(field: string, journal: unknown): AuditJournal {
  const checked = object<AuditJournal>(field, journal, 'a journal, with append')
  callbacks(field, checked, ['append'])
  callable(`${field}.append`, fieldOf(checked, 'append'))
  return checked
}

/**
 * Writes events to journals, in order, as plain copies. A journal that fails stops neither the others nor the source of
 * the event.
 */
export class Audit {
  readonly #journals: AuditJournal[] = []
  readonly #report: ErrorOwner

  constructor(report: ErrorOwner, ...journals: AuditJournal[]) {
    this.#report = report
    this.#journals.push(...journals)
  }

  /** True if there is a journal. Without one, callers need not make events. */
  get isOn(): boolean {
    return this.#journals.length > 0
  }

  /** Adds a journal. The returned function removes it. */
  add(journal: AuditJournal): () => void {
    // An entry of its own: the same journal may be added twice.
    const entry: AuditJournal = { append: (event) => journal.append(event) }
    this.#journals.push(entry)
    return () => {
      const index = this.#journals.indexOf(entry)
      if (index >= 0) this.#journals.splice(index, 1)
    }
  }

  /** Writes an event. Never throws. */
  write(event: object, type?: string): void {
    // A journal may be added or removed by what the write causes.
    for (const journal of this.#journals.slice()) {
      try {
        // Each journal gets a copy: one that freezes or keeps what it gets affects no other.
        const copy = { ...(plain(event, DEEPEST) as object), ...(type !== undefined && { type }) }
        promiseOf(journal.append(copy as never))?.catch((error: unknown) => this.#report(error, 'an audit journal'))
      } catch (error) {
        this.#report(error, 'an audit journal')
      }
    }
  }
}

/** Returns a value as plain data: errors by name, message and code, refs by id, functions and symbols as texts. */
function plain(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object') return value === undefined ? undefined : textOf(value)
  if (isError(value)) {
    const { name, code } = value as { readonly name?: unknown; readonly code?: unknown }
    return { name: textOf(name), message: textOf(value), ...(typeof code === 'string' && { code }) }
  }
  if (depth === 0) return textOf(value)
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item, depth - 1))
  const copy: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) if (field !== undefined) copy[name] = plain(field, depth - 1)
  return copy
}
