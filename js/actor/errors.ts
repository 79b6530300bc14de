/** Errors of calls and mailboxes. Names, fields and messages are those that users of GenServer libraries know. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'

/** The kind and the name of a process, for the messages of errors. */
export interface Called {
  /** The kind of process: `GenServer` (default), `Agent`, `EventBus`, `Cache` … */
  readonly kind?: string
  /** Its name, if it has one. */
  readonly name?: string | undefined
}

/** An id, after the name if there is one: `billing (genserver_1_x)`. */
const labelOf = (id: string, { name }: Called = {}): string => (name === undefined ? id : `${name} (${id})`)
export const whoIs = (id: string, called: Called = {}): string =>
  `${called.kind ?? 'GenServer'} '${labelOf(id, called)}'`

/** A call got no reply in time. If it had not begun, it never will; if it had, its reply is dropped. */
export class CallTimeoutError extends KeelsonError {
  static readonly code = 'KEELSON_CALL_TIMEOUT'
  readonly code = 'KEELSON_CALL_TIMEOUT'
  /** The id of the called process. */
  readonly serverId: string
  /** The time it had, in milliseconds. */
  readonly timeoutMs: number
  /** The name of the called process, if it had one. */
  readonly serverName: string | undefined
  /** The `type` of the message, if it had a short one. */
  readonly messageType: string | undefined
  constructor(serverId: string, timeoutMs: number, called?: Called, messageType?: string) {
    const what = messageType === undefined ? '' : ` with a message of type '${messageType}'`
    super(`Call to ${whoIs(serverId, called)}${what} timed out after ${timeoutMs}ms`)
    this.serverId = serverId
    this.timeoutMs = timeoutMs
    this.serverName = called?.name
    this.messageType = messageType
  }
}

/**
 * The process has not started, is stopping, or has ended. A call rejects with it, also when the process ends before it
 * replies; `cast` and the functions of services throw it.
 */
export class ServerNotRunningError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_RUNNING'
  readonly code = 'KEELSON_NOT_RUNNING'
  /** The id of the process. */
  readonly serverId: string
  constructor(serverId: string, called?: Called) {
    super(`${whoIs(serverId, called)} is not running`)
    this.serverId = serverId
  }
}

/**
 * A call would have waited for itself: the called process waits, directly or through others, for the caller. The call
 * rejects at once, and its message is not handled.
 */
export class CallCycleError extends KeelsonError {
  static readonly code = 'KEELSON_CALL_CYCLE'
  readonly code = 'KEELSON_CALL_CYCLE'
  /** The id of the called process. */
  readonly serverId: string
  /** The id of the caller. */
  readonly callerId: string
  constructor(serverId: string, callerId: string, called?: Called) {
    super(
      serverId === callerId
        ? `${whoIs(serverId, called)} called itself, and would wait for ever`
        : `'${callerId}' called ${whoIs(serverId, called)}, which waits for it: both would wait for ever`,
    )
    this.serverId = serverId
    this.callerId = callerId
  }
}

/**
 * The mailbox of a process is full, and the process did not take the message. A call rejects with it. A delivery that
 * nobody waits for, by a timer or a bus, reports it to `onError`.
 */
export class MailboxFullError extends KeelsonError {
  static readonly code = 'KEELSON_MAILBOX_FULL'
  readonly code = 'KEELSON_MAILBOX_FULL'
  /** The id of the process. */
  readonly serverId: string
  /** The number of messages that may wait in its mailbox. */
  readonly maxMailbox: number
  constructor(serverId: string, maxMailbox: number, called?: Called) {
    super(`The mailbox of ${whoIs(serverId, called)} is full (${maxMailbox} messages)`)
    this.serverId = serverId
    this.maxMailbox = maxMailbox
  }
}

/** Returns whether a value is a {@link CallTimeoutError}, of any copy of the package. */
export const isCallTimeoutError: (error: unknown) => error is CallTimeoutError = isCode(CallTimeoutError.code)
/** Returns whether a value is a {@link ServerNotRunningError}, of any copy of the package. */
export const isServerNotRunningError: (error: unknown) => error is ServerNotRunningError = isCode(
  ServerNotRunningError.code,
)
/** Returns whether a value is a {@link CallCycleError}, of any copy of the package. */
export const isCallCycleError: (error: unknown) => error is CallCycleError = isCode(CallCycleError.code)
/** Returns whether a value is a {@link MailboxFullError}, of any copy of the package. */
export const isMailboxFullError: (error: unknown) => error is MailboxFullError = isCode(MailboxFullError.code)
