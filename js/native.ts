/**
 * The seam: the only module that imports the binding. Everything else in `js/` gets numbers in and out of it.
 */
import type * as Binding from '../native/binding.js'
import type { HotLane } from '../native/hot.js'
import { NativeMissingError, NativePanicError } from './errors/errors.ts'
import { assertNode } from './node-version.ts'

interface Native extends Pick<
  typeof Binding,
  | 'nativeNames'
  | 'nativePendingTimers'
  | 'nativeErrorCodes'
  | 'nativeEngineOpen'
  | 'nativeEngineRoutes'
  | 'nativeEngineDefine'
  | 'nativeEngineProfile'
  | 'nativeEngineNeighbours'
  | 'nativeEngineSelect'
  | 'nativeWorkloads'
  | 'nativePriorities'
  | 'nativeShedReasons'
  | 'nativeInboxListen'
  | 'nativeInboxHold'
  | 'nativeSharedOpen'
  | 'nativeSharedText'
  | 'nativeSharedCause'
  | 'nativeSharedHistory'
  | 'nativeSharedMemory'
  | 'nativeJournalOpen'
  | 'nativeJournalOpened'
  | 'nativeJournalFailure'
  | 'nativeJournalRead'
  | 'nativeJournalLoadSnapshot'
  | 'nativeActorsOpen'
  | 'nativeActorsClose'
  | 'nativeCacheOpen'
  | 'nativeCacheGrow'
  | 'nativeCacheClose'
  | 'nativeSharedCacheOpen'
  | 'nativeSharedCacheText'
  | 'nativeSharedCacheTags'
  | 'nativeSharedCacheGone'
  | 'nativeSharedCacheList'
  | 'nativeSharedCacheStats'
> {
  readonly hot: HotLane
  readonly scratch: Float64Array
  setPanicFactory(make: (message: string) => Error): void
}

function load(): Native {
  assertNode()
  try {
    return require('../native/binding.js') as Native
  } catch (cause) {
    throw new NativeMissingError(cause)
  }
}

const native: Native = load()

/** Raw functions: numbers in, a number out. A panic of the core is thrown as a `NativePanicError`. */
export const hot: HotLane = native.hot

/** Further results of the last call into the hot lane. Read them before the next call. */
export const scratch: Float64Array = native.scratch

export const nativeNames: Native['nativeNames'] = native.nativeNames
export const nativePendingTimers: Native['nativePendingTimers'] = native.nativePendingTimers
export const nativeErrorCodes: Native['nativeErrorCodes'] = native.nativeErrorCodes
export const nativeEngineOpen: Native['nativeEngineOpen'] = native.nativeEngineOpen
export const nativeEngineRoutes: Native['nativeEngineRoutes'] = native.nativeEngineRoutes
export const nativeEngineDefine: Native['nativeEngineDefine'] = native.nativeEngineDefine
export const nativeEngineProfile: Native['nativeEngineProfile'] = native.nativeEngineProfile
export const nativeEngineNeighbours: Native['nativeEngineNeighbours'] = native.nativeEngineNeighbours
export const nativeEngineSelect: Native['nativeEngineSelect'] = native.nativeEngineSelect
export const nativeWorkloads: Native['nativeWorkloads'] = native.nativeWorkloads
export const nativePriorities: Native['nativePriorities'] = native.nativePriorities
export const nativeShedReasons: Native['nativeShedReasons'] = native.nativeShedReasons
export const nativeInboxListen: Native['nativeInboxListen'] = native.nativeInboxListen
export const nativeInboxHold: Native['nativeInboxHold'] = native.nativeInboxHold
export const nativeSharedOpen: Native['nativeSharedOpen'] = native.nativeSharedOpen
export const nativeSharedText: Native['nativeSharedText'] = native.nativeSharedText
export const nativeSharedCause: Native['nativeSharedCause'] = native.nativeSharedCause
export const nativeSharedHistory: Native['nativeSharedHistory'] = native.nativeSharedHistory
export const nativeSharedMemory: Native['nativeSharedMemory'] = native.nativeSharedMemory
export const nativeJournalOpen: Native['nativeJournalOpen'] = native.nativeJournalOpen
export const nativeJournalOpened: Native['nativeJournalOpened'] = native.nativeJournalOpened
export const nativeJournalFailure: Native['nativeJournalFailure'] = native.nativeJournalFailure
export const nativeJournalRead: Native['nativeJournalRead'] = native.nativeJournalRead
export const nativeJournalLoadSnapshot: Native['nativeJournalLoadSnapshot'] = native.nativeJournalLoadSnapshot
export type NativeJournalFailure = Binding.NativeJournalFailure
export type NativeJournalPage = Binding.NativeJournalPage
export const nativeActorsOpen: Native['nativeActorsOpen'] = native.nativeActorsOpen
export const nativeActorsClose: Native['nativeActorsClose'] = native.nativeActorsClose
export const nativeCacheOpen: Native['nativeCacheOpen'] = native.nativeCacheOpen
export const nativeCacheGrow: Native['nativeCacheGrow'] = native.nativeCacheGrow
export const nativeCacheClose: Native['nativeCacheClose'] = native.nativeCacheClose
export const nativeSharedCacheOpen: Native['nativeSharedCacheOpen'] = native.nativeSharedCacheOpen
export const nativeSharedCacheText: Native['nativeSharedCacheText'] = native.nativeSharedCacheText
export const nativeSharedCacheTags: Native['nativeSharedCacheTags'] = native.nativeSharedCacheTags
export const nativeSharedCacheGone: Native['nativeSharedCacheGone'] = native.nativeSharedCacheGone
export const nativeSharedCacheList: Native['nativeSharedCacheList'] = native.nativeSharedCacheList
export const nativeSharedCacheStats: Native['nativeSharedCacheStats'] = native.nativeSharedCacheStats
export type NativeEngineConfig = Binding.NativeEngineConfig
export type NativeProfile = Binding.NativeProfile

native.setPanicFactory((message) => new NativePanicError(message))
