/**
 * Admission control, rate limits, a request journal and graceful shutdown for Express 4 and 5, and wherever `(req, res,
 * next)` works.
 */
export { ipKeyGenerator } from '../http/client-address.ts'
export { priorityFromHeader, type TieredRequest, type TierOptions } from '../http/admission/priority-header.ts'
export type { RateLimitCheck } from '../http/rate/checks.ts'
export { RateLimitInfo } from '../http/rate/info.ts'
export type { HttpRateLimitWindow } from '../http/rate/options.ts'
export { redisRateLimitStore } from '../http/rate/redis/create-store.ts'
export type { RedisRateLimitStore, RedisRateLimitStoreOptions } from '../http/rate/redis/store.ts'
export type { HttpRateLimitStore, RateLimitStoreSetup, RateLimitCount } from '../http/rate/store.ts'
export type { RequestEntry, RequestInFlight, RequestLog } from '../http/request-journal.ts'
export { type BrokenOff, Shutdown, type ShutdownOptions } from '../http/shutdown.ts'
export { admission, type AdmissionMiddleware, type AdmissionOptions, type ShedHandler } from './admission.ts'
export { gracefulShutdown } from '../http/graceful-shutdown.ts'
export { rateLimit, type RateLimitHandler, type RateLimitMiddleware, type RateLimitOptions } from './rate-limit.ts'
export { requestJournal, type RequestJournalMiddleware, type RequestJournalOptions } from './request-journal.ts'
export { RateLimitStore, type RateLimitStoreOptions } from './store.ts'
