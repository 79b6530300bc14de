/**
 * Reports crashes that a supervisor acts on: always on a diagnostics channel, and as process warnings whose number is
 * limited.
 */
import { channel } from 'node:diagnostics_channel'

import { isClosed } from '../clock/base.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { warnOwner } from '../internal/report-error.ts'
import { stackOf } from '../internal/thrown-values.ts'

/** A crash that a supervisor acts on, as the diagnostics channel `keelson:crash` publishes it. */
export interface Crash {
  /** The id and the name of the process that crashed. */
  readonly processId: string
  readonly name: string | undefined
  /** The supervisor's id of the child, and the id of the supervisor. */
  readonly childId: string | undefined
  readonly supervisorId: string | undefined
  /** The type of the message that was handled, if one was. */
  readonly messageType: string | undefined
  readonly error: unknown
}

const crashes = channel('keelson:crash')

/** The number of crashes of a child that are printed in a minute. The others are counted in one line. */
const FIRST = 10
const MINUTE_MS = 60_000

const LONGEST_TYPE = 60

const short = (text: string): string => (text.length > LONGEST_TYPE ? `${text.slice(0, LONGEST_TYPE)}…` : text)

/** Returns what a message is: its `type`, the text itself, or the name of its class. Never throws. */
export function messageTypeOf(message: unknown): string | undefined {
  if (message === undefined || message === null) return undefined
  if (typeof message === 'string') return short(message)
  // While the event loop is watched this runs for each message, and `typeof` as a value is a call.
  if (typeof message === 'number') return 'number'
  if (typeof message !== 'object') return typeof message
  try {
    const { type } = message as { readonly type?: unknown }
    if (typeof type === 'string') return short(type)
    if (typeof type === 'number') return String(type)
    const { name } = message.constructor as { readonly name?: unknown }
    return typeof name === 'string' ? short(name) : 'object'
  } catch {
    return 'object'
  }
}

/** Reports the crashes of one child, over all its processes. */
export class CrashReports {
  readonly #clock: Clock
  readonly #prints: boolean
  #since = -Infinity
  #printed = 0
  #suppressed = 0
  #subject = ''
  #timer: TimerHandle | undefined

  /** @param prints Prints warnings as well. */
  constructor(clock: Clock, prints: boolean) {
    this.#clock = clock
    this.#prints = prints
  }

  /** Reports a crash: publishes it, and prints it unless there were too many within a minute. Never throws. */
  report(crash: Crash): void {
    try {
      if (crashes.hasSubscribers) crashes.publish(crash)
      if (this.#prints) this.#print(crash)
    } catch (error) {
      // A user's clock may throw.
      warnOwner(error, 'a crash report')
    }
  }

  #print(crash: Crash): void {
    const now = this.#clock.monoMs()
    if (now - this.#since >= MINUTE_MS) {
      this.end()
      this.#since = now
      this.#printed = 0
    }
    this.#subject = subjectOf(crash)
    if (this.#printed < FIRST) {
      this.#printed++
      const { messageType, error } = crash
      const during = messageType === undefined ? '' : `, handling '${messageType}'`
      warn(`${this.#subject} crashed${during}: ${stackOf(error)}`)
      return
    }
    this.#suppressed++
    if (this.#timer !== undefined || isClosed(this.#clock)) return
    const left = MINUTE_MS - (now - this.#since)
    // The timer does not keep the event loop alive.
    this.#timer = limitOn(this.#clock, left, `crash reports of ${this.#subject}`, () => this.end(), false)
  }

  /** Prints the number of crashes that were not printed, if any. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const suppressed = this.#suppressed
    if (suppressed === 0) return
    this.#suppressed = 0
    warn(`${this.#subject} crashed ${suppressed} more ${suppressed === 1 ? 'time' : 'times'} within a minute`)
  }
}

function subjectOf({ processId, name, childId, supervisorId }: Crash): string {
  const who = name === undefined ? processId : `${name} (${processId})`
  return childId === undefined ? who : `${who}, child '${childId}' of ${supervisorId ?? 'a supervisor'},`
}

const warn = (text: string): void => process.emitWarning(text, { type: 'KeelsonWarning', code: 'KEELSON_CRASH' })
