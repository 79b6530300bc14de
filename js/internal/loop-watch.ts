/**
 * Watches the event loop of this environment with a native thread, which notices a stall while it lasts. Also knows
 * where JavaScript says what it handles.
 */
import { channel } from 'node:diagnostics_channel'

import { native } from '../native.ts'
import { NONE } from '../protocol/lane.ts'
import { builtin } from './builtin.ts'
import { forget, listen } from './inbox.ts'

/** A stall that has ended, as the diagnostics channel `keelson:stall` publishes it. */
export interface Stall {
  /** The thread: `'main'`, or `'worker'` with its number. */
  readonly thread: string
  /** How long the event loop was blocked, in ms. */
  readonly durationMs: number
  /** The name or the id of the process whose handler blocked it, if one did. */
  readonly process: string | undefined
  /** The type of the message that was handled. */
  readonly messageType: string | undefined
  /** The callback that ran: `'handleCall'`, `'handleCast'`, `'handleInfo'` or `'terminate'`. */
  readonly handler: string | undefined
}

/** The times of the event loop since its watch began, in ms. They only grow. */
export interface LoopTimes {
  readonly running: number
  readonly waiting: number
  /** The time in runs of at least 50 ms. */
  readonly blocked: number
  readonly longest: number
  /** The number of stalls. */
  readonly stalls: number
}

/** The types of messages that have numbers of their own. */
const MOST_TYPES = 1000
/** The length of a stall, in ms, where the caller says none. */
const STALL_MS = 200

/** The memory in which JavaScript says what it handles, while the event loop is watched. */
export const activity: { cells: Float64Array | undefined } = { cells: undefined }

const stalls = channel('keelson:stall')

interface LoopWatcher {
  readonly stallMs: number
  readonly toStderr: boolean
}

const watchers = new Set<LoopWatcher>()
let token: number | undefined
/** Numbers of types of messages. */
const types = new Map<string, number>()

/** Returns the name of this thread in reports. */
export function threadName(): string {
  const { isMainThread, threadId } = builtin('node:worker_threads')
  return isMainThread ? 'main' : `worker ${threadId}`
}

/** Opens, changes or closes the native watch, as the watchers there are want it. */
function update(): void {
  const stallMs = Math.min(...[...watchers].map((watcher) => watcher.stallMs))
  const toStderr = [...watchers].some((watcher) => watcher.toStderr)
  if (watchers.size === 0) {
    native.loopWatchClose()
    activity.cells = undefined
    if (token !== undefined) forget(token)
    token = undefined
  } else if (token === undefined) {
    types.clear()
    token = listen(publish)
    activity.cells = native.loopWatchOpen({ thread: threadName(), stallMs, toStderr, token }) ?? undefined
  } else {
    native.loopWatchChange(stallMs, toStderr)
  }
}

/** Publishes the stalls that have ended. */
function publish(): void {
  const thread = threadName()
  for (const { length, label, message, handler } of native.loopWatchTake()) {
    if (!stalls.hasSubscribers) continue
    const stall: Stall = {
      thread,
      durationMs: length,
      process: label,
      messageType: message,
      handler,
    }
    stalls.publish(stall)
  }
}

/**
 * Watches the event loop until the returned function is called. Returns `undefined` where the host has no libuv (Bun,
 * Deno). Several watchers share one watch: the shortest `stallMs` counts. Its times begin with the first of them.
 *
 * @param stallMs The length of a stall. Default 200.
 * @param toStderr Writes a line while a stall lasts. Default false.
 */
export function watchLoop({ stallMs = STALL_MS, toStderr = false }: Partial<LoopWatcher> = {}):
  | (() => void)
  | undefined {
  if (process.versions['bun'] !== undefined || process.versions['deno'] !== undefined) return undefined
  const watcher: LoopWatcher = { stallMs, toStderr }
  watchers.add(watcher)
  update()
  return () => {
    if (watchers.delete(watcher)) update()
  }
}

/** Returns the times of the event loop, or `undefined` while nobody watches it. */
export const loopTimes = (): LoopTimes | undefined => native.loopWatchTimes() ?? undefined

let isAsked = false

/** Watches the event loop if the environment variable `KEELSON_OBSERVE_STALLS` is `1`. The first call counts. */
export function watchLoopIfAsked(): void {
  if (isAsked) return
  isAsked = true
  if (process.env['KEELSON_OBSERVE_STALLS'] === '1') watchLoop({ toStderr: true })
}

/** Returns the number of a type of messages. Types beyond the first thousand have none. */
export function typeNumber(type: string | undefined): number {
  if (type === undefined) return NONE
  const known = types.get(type)
  if (known !== undefined) return known
  if (types.size === MOST_TYPES) return NONE
  const number = native.loopWatchType(type)
  types.set(type, number)
  return number
}
