/** Types of ids and stop reasons. */
declare const brand: unique symbol

/** The id of a process: a text in the form of a UUID, drawn from the system's random source. */
export type ProcessId = string & { readonly [brand]?: 'ProcessId' }

/**
 * The reason of a stop, for `onStop` and the event `process:stop`. `'normal'` is the default of `stop()`; `'shutdown'`
 * comes from a supervisor, a parent or a system that ends; `{ type: 'error', error }` means that a run of the process
 * failed.
 */
export type StopReason = 'normal' | 'shutdown' | 'error' | { readonly type: 'error'; readonly error: unknown }
