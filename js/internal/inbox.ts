/**
 * News from other threads. Who expects some gets a token, hands it to the core, and is called, in the order in which
 * news arrived, whenever there is something under it. One wake-up of the event loop serves all that has come.
 */
import { warnOwner } from './report-error.ts'
import { hot, nativeInboxHold, nativeInboxListen } from '../native.ts'

// The host's own, also where timers are faked later: news of other threads do not follow a fake clock.
const nextTurn = setImmediate
const listeners = new Map<number, () => void>()
let lastToken = 0
let owed = 0

/** Registers a listener; the token is for the core. It must not throw: an error of its own has a better owner. */
export function listen(listener: () => void): number {
  listeners.set(++lastToken, listener)
  return lastToken
}

/** Forgets a listener; news that still arrive for it are dropped. */
export function forget(token: number): void {
  listeners.delete(token)
}

/** Keeps the event loop open until as many calls of {@link release} have come: somebody is owed an answer. */
export function hold(): void {
  if (++owed === 1) nativeInboxHold(true)
}

/** See {@link hold}. */
export function release(): void {
  if (--owed === 0) nativeInboxHold(false)
}

/**
 * Hands out what has arrived, now, without waiting for the wake-up. What arrives meanwhile is left for the
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

/** Whether the next turn of the event loop looks for news by itself. */
let looking = false

function look(): void {
  looking = false
  if (hot.inboxWaiting() > 0) wake()
}

/** Looks for news in the next turn of the event loop, which stays open until then: for what this thread did itself. */
export function soon(): void {
  if (looking) return
  looking = true
  nextTurn(look)
}

/** Returns whether news have arrived that nobody was told of yet, or are looked for in the next turn. */
export const newsPending = (): boolean => looking || hot.inboxWaiting() > 0

/** Rung by the core. The host can ring many times a turn; what comes after a delivery waits for the next one. */
function wake(): void {
  if (looking) return
  soon()
  deliver()
}

nativeInboxListen(wake)
