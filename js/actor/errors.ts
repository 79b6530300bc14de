/** Errors of calls and mailboxes. Names, fields and messages are those that users of GenServer libraries know. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'

/** What a process is called beside its id. */
export interface Called {
  /** What it is: `GenServer` (default), `Agent`, `EventBus`, `Cache` … */
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
  /** Who was called. */
  readonly serverId: string
  /** The time it had, in milliseconds. */
  readonly timeoutMs: number
  /** The name of who was called, if it had one. */
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

/** There is no such process, or none any more. */
export class ServerNotRunningError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_RUNNING'
  readonly code = 'KEELSON_NOT_RUNNING'
  /** Who was meant. */
  readonly serverId: string
  constructor(serverId: string, called?: Called) {
    super(`${whoIs(serverId, called)} is not running`)
    this.serverId = serverId
  }
}

/** A call would have waited for itself: the called process waits, directly or through others, for the caller. */
export class CallCycleError extends KeelsonError {
  static readonly code = 'KEELSON_CALL_CYCLE'
  readonly code = 'KEELSON_CALL_CYCLE'
  /** Who was called. */
  readonly serverId: string
  /** Who called. */
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

/** The mailbox holds as many messages as it may. */
export class MailboxFullError extends KeelsonError {
  static readonly code = 'KEELSON_MAILBOX_FULL'
  readonly code = 'KEELSON_MAILBOX_FULL'
  /** Whose mailbox. */
  readonly serverId: string
  /** How many it may hold. */
  readonly maxMailbox: number
  constructor(serverId: string, maxMailbox: number, called?: Called) {
    super(`The mailbox of ${whoIs(serverId, called)} is full (${maxMailbox} messages)`)
    this.serverId = serverId
    this.maxMailbox = maxMailbox
  }
}

/** Guard for {@link CallTimeoutError}. */
export const isCallTimeoutError: (error: unknown) => error is CallTimeoutError = isCode(CallTimeoutError.code)
/** Guard for {@link ServerNotRunningError}. */
export const isServerNotRunningError: (error: unknown) => error is ServerNotRunningError = isCode(
  ServerNotRunningError.code,
)
/** Guard for {@link CallCycleError}. */
export const isCallCycleError: (error: unknown) => error is CallCycleError = isCode(CallCycleError.code)
/** Guard for {@link MailboxFullError}. */
export const isMailboxFullError: (error: unknown) => error is MailboxFullError = isCode(MailboxFullError.code)
