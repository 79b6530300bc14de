declare const brand: unique symbol

/** Names a process: a text in the form of a UUID, drawn from the system's random source. */
export type ProcessId = string & { readonly [brand]?: 'ProcessId' }

/** Why a process stops. */
export type StopReason = 'normal' | 'shutdown' | 'error' | { readonly type: 'error'; readonly error: unknown }
