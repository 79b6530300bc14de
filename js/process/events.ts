/** The events of processes, and the listener that receives them. */
import type { Instant } from '../clock/instant.ts'
import type { ProcessId, StopReason } from './ids.ts'

/**
 * The reason why a process does not restart: its supervision is `{ type: 'none' }`, it had too many restarts, or it was
 * stopped.
 */
export type Abandoned = 'no-supervision' | 'budget' | 'stopped'

/**
 * An event in the life of a process. `msgType` is the name of the message's class; fields that end in `Ms` are
 * milliseconds.
 */
export type ProcessEvent =
  | { readonly type: 'process:start'; readonly name: string; readonly id: ProcessId }
  | { readonly type: 'process:ready'; readonly id: ProcessId; readonly startedAt: Instant }
  | { readonly type: 'process:stop'; readonly id: ProcessId; readonly reason: StopReason }
  | { readonly type: 'process:stop:error'; readonly id: ProcessId; readonly error: unknown }
  | { readonly type: 'process:fail'; readonly id: ProcessId; readonly error: unknown }
  | {
      readonly type: 'process:msg:start'
      readonly id: ProcessId
      readonly msgType: string
      readonly seq: number
      readonly at: Instant
    }
  | {
      readonly type: 'process:msg:end'
      readonly id: ProcessId
      readonly msgType: string
      readonly seq: number
      readonly durationMs: number
    }
  | {
      readonly type: 'process:msg:error'
      readonly id: ProcessId
      readonly msgType: string
      readonly seq: number
      readonly error: unknown
    }
  | { readonly type: 'process:msg:dropped'; readonly id: ProcessId; readonly msgType: string }
  | { readonly type: 'process:schedule:dropped'; readonly id: ProcessId; readonly msgType: string }
  | { readonly type: 'process:mailbox:enqueue'; readonly id: ProcessId; readonly size: number }
  | {
      readonly type: 'process:mailbox:full'
      readonly id: ProcessId
      readonly policy: 'reject' | 'drop-oldest'
      readonly size: number
    }
  | { readonly type: 'supervisor:restart'; readonly id: ProcessId; readonly attempt: number; readonly delayMs: number }
  | {
      readonly type: 'supervisor:giveup'
      readonly id: ProcessId
      readonly attempts: number
      readonly withinMs: number
    }
  | { readonly type: 'supervisor:restart:abandoned'; readonly id: ProcessId; readonly because: Abandoned }

/** An event that a handler sends. */
export interface CustomEvent {
  /** The name of the event. */
  readonly type: string
  readonly [field: string]: unknown
}

/**
 * Receives events: those of processes and those that handlers send. What it throws, or rejects with, goes to the
 * system's `onError`.
 */
export type Emit = (event: ProcessEvent | CustomEvent) => unknown

/** Returns the name of a message's class: `'Object'` for a plain one. Never throws. */
export function msgTypeOf(message: unknown): string {
  if (message === null || message === undefined) return String(message)
  try {
    const name: unknown = (message as { constructor?: { name?: unknown } }).constructor?.name
    return typeof name === 'string' ? name : 'Object'
  } catch {
    // A message may be anything, even a revoked proxy.
    return 'Object'
  }
}
