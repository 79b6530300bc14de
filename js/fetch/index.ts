/**
 * Admission control, rate limits and a request journal for handlers `(Request) => Response`, as in Hono, Next, Bun and
 * Deno, and graceful shutdown of Node servers that run them.
 */
export { ipKeyGenerator } from '../http/client-address.ts'
export { gracefulShutdown } from '../http/graceful-shutdown.ts'
export type { RateLimitCheck } from '../http/rate/checks.ts'
export { RateLimitInfo } from '../http/rate/info.ts'
export type { HttpRateLimitWindow } from '../http/rate/options.ts'
export { redisRateLimitStore } from '../http/rate/redis/create-store.ts'
export type { RedisRateLimitStore, RedisRateLimitStoreOptions } from '../http/rate/redis/store.ts'
export type { HttpRateLimitStore, RateLimitCount, RateLimitStoreSetup } from '../http/rate/store.ts'
export type { RequestEntry, RequestInFlight, RequestLog } from '../http/request-journal.ts'
export { type BrokenOff, Shutdown, type ShutdownOptions } from '../http/shutdown.ts'
export { admission, type AdmissionOptions, type ShedHandler } from './admission.ts'
export type { FetchMiddleware, HonoContext, PlatformContext } from './middleware.ts'
export { priorityFromHeader, type TierOptions } from './priority-header.ts'
export {
  rateLimit,
  type RateLimitHandler,
  rateLimitInfo,
  type RateLimitMiddleware,
  type RateLimitOptions,
} from './rate-limit.ts'
export {
  requestId,
  requestJournal,
  type RequestJournalMiddleware,
  type RequestJournalOptions,
} from './request-journal.ts'
