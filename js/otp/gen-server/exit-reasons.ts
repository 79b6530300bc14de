/** Converts reasons of exits and failures of calls between the user's form, the core's numbers and events. */
import type { Call } from '../../actor/call.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { isError, textOf } from '../../internal/thrown-values.ts'
import {
  CallCycleError,
  CallTimeoutError,
  type Called,
  MailboxFullError,
  ServerNotRunningError,
} from '../../actor/errors.ts'
import { CYCLE, type ExitKind, FAILED, FULL, NORMAL, SHUTDOWN, TIMED_OUT } from '../../protocol/actor.ts'
import type { ProcessDownReason, TerminateReason } from './types.ts'

/** The longest `type` of a message that an error repeats, in characters. */
const LONGEST_TYPE = 64

export const kindOf = (reason: TerminateReason): ExitKind =>
  reason === 'normal' ? NORMAL : reason === 'shutdown' ? SHUTDOWN : FAILED

export const downOf = (reason: TerminateReason): ProcessDownReason =>
  typeof reason === 'string' ? { type: reason } : { type: 'error', message: textOf(reason.error) }

/**
 * Returns a reason that is well formed, read once.
 *
 * @throws InvalidArgumentError for anything else.
 */
export function checkReason(field: string, reason: unknown): TerminateReason {
  if (reason === 'normal' || reason === 'shutdown') return reason
  try {
    const error: unknown = (reason as { error?: unknown } | null | undefined)?.error
    if (isError(error)) return { error }
  } catch {
    // A value whose `error` cannot be read is no reason.
  }
  throw new InvalidArgumentError(field, "'normal', 'shutdown' or { error }", reason)
}

/** Returns the reason of a process that ends because a linked one has ended. */
export function linkedReason(kind: ExitKind, culprit: Culprit | undefined): TerminateReason {
  if (kind === SHUTDOWN) return 'shutdown'
  if (kind === NORMAL) return 'normal'
  const { reason } = culprit ?? {}
  const cause = typeof reason === 'object' ? { cause: reason.error } : undefined
  return { error: new Error(`Linked process '${culprit?.label ?? culprit?.id ?? 'unknown'}' exited`, cause) }
}

interface Culprit {
  readonly id: string
  readonly label?: string
  readonly reason?: TerminateReason
}

/** Returns the `type` of a message if it is a short text. Reads it once; never throws. */
export function messageType(message: unknown): string | undefined {
  try {
    const type: unknown = (message as { type?: unknown } | null | undefined)?.type
    return typeof type === 'string' && type.length <= LONGEST_TYPE ? type : undefined
  } catch {
    return undefined
  }
}

/** Returns the error of a call that fails before its handler has begun. */
export function callErrorOf(
  server: Called & { readonly id: string; readonly maxMailbox: number },
  call: Call,
  failure: number,
): Error {
  const { id } = server
  if (failure === TIMED_OUT) return new CallTimeoutError(id, call.timeoutMs, server, messageType(call.message))
  if (failure === CYCLE) return new CallCycleError(id, call.caller?.id ?? id, server)
  if (failure === FULL) return new MailboxFullError(id, server.maxMailbox, server)
  return new ServerNotRunningError(id, server)
}
