import { isDeepStrictEqual, inspect } from 'node:util'

import type { ControlledClock } from '../clock/controlled-clock.ts'
import { turn } from '../clock/host.ts'
import { limitOn } from '../clock/internal-timers.ts'
import { ExpectationError } from '../errors/errors.ts'
import { known, options as checkOptions, timeout } from '../internal/validate.ts'
import type { GenServerProcess } from '../otp/gen-server/process.ts'
import { spawn } from '../otp/gen-server/start.ts'
import type { GenServerBehavior, GenServerRef } from '../otp/gen-server/types.ts'
import type { System } from '../system/system.ts'
import { passes } from '../clock/time-passes.ts'

/** The default time that a probe waits for a message, in ms. */
const EXPECT_TIMEOUT = 1000
/** The number of turns of the event loop after which a probe moves a controlled clock that nobody moves. */
const PATIENCE = 32
/** The number of turns of the event loop after each move. */
const SETTLING_TURNS = 2
/** The number of messages that an error shows. */
const SHOWN = 10

/** Returns the error of a probe, with the messages that it has. */
function expectationError(what: string, messages: readonly unknown[]): ExpectationError {
  const shown = messages.slice(0, SHOWN).map((message) => `\n  ${textOfMessage(message)}`)
  const more = messages.length > SHOWN ? `\n  and ${messages.length - SHOWN} more` : ''
  const has = messages.length === 0 ? 'it has none' : `it has${shown.join('')}${more}`
  return new ExpectationError(`${what}; ${has}`, messages)
}

/** Returns a message as errors show it. Never throws. */
function textOfMessage(message: unknown): string {
  try {
    return inspect(message, { depth: 3, breakLength: Infinity, maxStringLength: 200 })
  } catch {
    return `a value without text (${typeof message})`
  }
}

/** Options of {@link createProbe}. */
export interface ProbeOptions {
  /** The system that the probe belongs to. Default: the default system of this environment. */
  readonly system?: System
}

/** Options of {@link Probe.expectMessage}. */
export interface ExpectOptions {
  /** The longest time to wait, in ms of the system's clock. Default 1000. */
  readonly timeoutMs?: number
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test compares messages as plain data
export type AnyMessage = any

/** A message to look for: a test, or a value that must be deeply equal. */
export type MessageMatch<Message> =
  | ((message: Message) => boolean)
  | object
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null

/**
 * A process for tests: it keeps the messages that it gets until the test expects them. Casts, calls, and `DOWN` and
 * `EXIT` are messages; a call is answered with `undefined`. It ends with its system.
 *
 * Where the clock of the system is a controlled one, a wait that nobody moves the clock for moves it itself, after 32
 * turns of the event loop.
 */
export interface Probe<Message = AnyMessage> {
  /** The ref to send to, to monitor with, and to register. */
  readonly ref: GenServerRef<null, Message, Message, undefined>
  /**
   * Resolves with the first message that matches, and removes it; without `match`, with the first message. Messages
   * that do not match stay, in order.
   *
   * @throws ExpectationError after `timeoutMs`, 1000 ms by default. It lists the messages that the probe has.
   */
  expectMessage(match?: MessageMatch<Message>, options?: ExpectOptions): Promise<Message>
  /**
   * Resolves after `ms` milliseconds without a message.
   *
   * @throws ExpectationError when the probe has a message, or gets one in that time. It takes no message: the probe keeps
   * it, unless an {@link Probe.expectMessage} waits for it.
   */
  expectNone(ms: number): Promise<void>
}

/** A wait for a message. */
interface ExpectedMessage {
  readonly wants: (message: AnyMessage) => boolean
  /** True if it takes the message that it waits for. */
  readonly takes: boolean
  readonly found: (message: AnyMessage) => void
  readonly failed: (error: unknown) => void
}

class TestProbe implements Probe {
  readonly #server: GenServerProcess
  readonly #messages: unknown[] = []
  readonly #waiters = new Set<ExpectedMessage>()

  constructor(system: System) {
    const behavior: GenServerBehavior<null> = {
      init: () => null,
      handleCall: (message) => {
        this.#receive(message)
        return [undefined, null]
      },
      handleCast: (message) => this.#receive(message),
      handleInfo: (info) => this.#receive(info),
    }
    this.#server = spawn('Probe', system, behavior as GenServerBehavior<unknown>, { trapExit: true })
    this.#server.announce()
    this.#server.begin(null)
  }

  get ref(): GenServerRef<null, AnyMessage, AnyMessage, undefined> {
    return this.#server.ref as GenServerRef<null, AnyMessage, AnyMessage, undefined>
  }

  async expectMessage(match?: MessageMatch<AnyMessage>, options?: ExpectOptions): Promise<AnyMessage> {
    const settings = checkOptions('options', options)
    known('options', settings, ['timeoutMs'])
    const timeoutMs = timeout('options.timeoutMs', EXPECT_TIMEOUT, settings.timeoutMs)
    const wants = testOf(match)
    const kept = this.#messages.findIndex(wants)
    if (kept >= 0) return this.#messages.splice(kept, 1)[0]
    return this.#wait(
      { wants, takes: true },
      timeoutMs,
      (message) => message,
      () => {
        const what = match === undefined ? 'a message' : 'a message that matches'
        throw expectationError(`The probe expected ${what} within ${timeoutMs} ms`, [...this.#messages])
      },
    )
  }

  async expectNone(ms: number): Promise<void> {
    const waitMs = timeout('ms', 0, ms)
    const unexpected = (messages: unknown[]): never => {
      throw expectationError(`The probe expected no message for ${waitMs} ms`, messages)
    }
    if (this.#messages.length > 0) unexpected([...this.#messages])
    await this.#wait(
      { wants: () => true, takes: false },
      waitMs,
      // An expectation may have taken the message.
      (message) => unexpected(this.#messages.includes(message) ? [...this.#messages] : [message, ...this.#messages]),
      () => undefined,
    )
  }

  /** Hands a message to the first expectation that wants it, and to all who expect none. Keeps it if nobody takes it. */
  #receive(message: unknown): null {
    let isTaken = false
    for (const waiter of this.#waiters) {
      if (isTaken && waiter.takes) continue
      try {
        if (!waiter.wants(message)) continue
        isTaken ||= waiter.takes
        this.#waiters.delete(waiter)
        waiter.found(message)
      } catch (error) {
        this.#waiters.delete(waiter)
        waiter.failed(error)
      }
    }
    if (!isTaken) this.#messages.push(message)
    return null
  }

  /** Waits for a message, at most for a time on the clock of the system. Leaves no timer. */
  async #wait<T>(
    { wants, takes }: Pick<ExpectedMessage, 'wants' | 'takes'>,
    waitMs: number,
    found: (message: AnyMessage) => T,
    late: () => T,
  ): Promise<T> {
    const { clock } = this.#server.system
    const wait = { isOver: false }
    const outcome = new Promise<{ readonly message: AnyMessage } | undefined>((resolve, reject) => {
      const timer =
        waitMs === Infinity
          ? undefined
          : limitOn(clock, waitMs, `a probe's wait`, () => {
              this.#waiters.delete(waiter)
              wait.isOver = true
              resolve(undefined)
            })
      const waiter: ExpectedMessage = {
        wants,
        takes,
        found: (message) => {
          timer?.cancel()
          wait.isOver = true
          resolve({ message })
        },
        failed: (error) => {
          timer?.cancel()
          wait.isOver = true
          reject(error)
        },
      }
      this.#waiters.add(waiter)
    })
    // It may reject while the clock is moved; then the wait below has the rejection.
    outcome.catch(() => undefined)
    if (waitMs !== Infinity && !passes(clock) && 'advance' in clock) {
      await moveAlong(clock as ControlledClock, clock.monoMs() + waitMs, wait)
    }
    const result = await outcome
    return result === undefined ? late() : found(result.message)
  }
}

/**
 * Moves a controlled clock from timer to timer, at most to a time, until the wait is over; but only while nobody else
 * moves it.
 */
async function moveAlong(clock: ControlledClock, to: number, wait: { readonly isOver: boolean }): Promise<void> {
  let seen = clock.monoMs()
  for (let turns = 0; !wait.isOver; turns++) {
    await turn()
    const now = clock.monoMs()
    if (now !== seen || clock.autoAdvance) turns = 0
    seen = now
    if (turns < PATIENCE || wait.isOver) continue
    const due = clock.sleepers().flatMap(({ track, dueMs }) => (track === 'mono' ? [dueMs] : []))
    await clock.set(Math.min(to, ...due))
    seen = clock.monoMs()
    turns = PATIENCE - SETTLING_TURNS
  }
}

/** Returns the test of a match. */
function testOf(match: unknown): (message: unknown) => boolean {
  if (match === undefined) return () => true
  if (typeof match === 'function') return match as (message: unknown) => boolean
  return (message) => isDeepStrictEqual(message, match)
}

/** Makes a probe; see `createProbe`. */
export const makeProbe = (system: System): Probe<AnyMessage> => new TestProbe(system)
