/**
 * Delivers notifications of other threads to listeners of this one.
 *
 * A listener gets a token and gives it to the core. Notifications arrive under that token, in order, and one wake-up of
 * the event loop delivers all that wait. The core side is `core/inbox`: a queue for each thread and a waker.
 */
import { warnOwner } from './report-error.ts'
import { hot, native } from '../native.ts'

// The host's function, also where a test fakes timers later: other threads do not follow a fake clock.
const nextTurn = setImmediate
const listeners = new Map<number, () => void>()
let lastToken = 0
let pendingReplies = 0

/**
 * Registers a listener. Returns the token for the core. The listener must not throw, but report its errors.
 */
export function listen(listener: () => void): number {
  listeners.set(++lastToken, listener)
  return lastToken
}

/** Removes a listener. Notifications that still arrive for it are dropped. */
export function forget(token: number): void {
  listeners.delete(token)
}

/** Keeps the event loop open until {@link release} was called as often: a promise waits for another thread. */
export function hold(): void {
  if (++pendingReplies === 1) native.inboxHold(true)
}

/** Undoes one call of {@link hold}. */
export function release(): void {
  if (--pendingReplies === 0) native.inboxHold(false)
}

/**
 * Delivers at once what has arrived, without waiting for the wake-up. Notifications that arrive meanwhile wait for the
 * next turn of the event loop, so that busy threads cannot keep this one from its other work.
 */
export function deliver(): void {
  for (let left = hot.inboxWaiting(); left > 0; left--) {
    try {
      listeners.get(hot.inboxTake())?.()
    } catch (error) {
      warnOwner(error, 'a listener for news from other threads')
    }
  }
}

/** The next turn of the event loop looks for notifications by itself. */
let looking = false

function look(): void {
  looking = false
  if (hot.inboxWaiting() > 0) wake()
}

/**
 * Delivers in the next turn of the event loop, and keeps the loop open until then. For notifications of this thread's
 * own.
 */
export function soon(): void {
  if (looking) return
  looking = true
  nextTurn(look)
}

/** Returns whether notifications wait, or the next turn of the event loop looks for some. */
export const newsPending = (): boolean => looking || hot.inboxWaiting() > 0

/** Called by the core's waker, perhaps many times a turn. Notifications after a delivery wait for the next turn. */
function wake(): void {
  if (looking) return
  soon()
  deliver()
}

native.inboxListen(wake)
