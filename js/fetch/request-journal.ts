import {
  type RequestInFlight,
  type RequestLog,
  RequestRecorder,
  type RequestRecorderOptions,
} from '../http/request-journal.ts'
import { options as checkOptions } from '../internal/validate.ts'
import type { Exchange } from './exchange.ts'
import { exchangeOf, FetchAdapter, type FetchMiddleware, type PlatformContext, translated } from './middleware.ts'

/**
 * Options of {@link requestJournal}. A function of yours that throws, or returns a promise, is reported, and counts as if
 * it were not given.
 */
export interface RequestJournalOptions extends Omit<RequestRecorderOptions<never, never>, 'id' | 'skip' | 'data'> {
  /** Returns the id of a request, a non-empty string; at most 200 characters are kept. Default: a new id. */
  readonly id?: ((request: Request, context: PlatformContext) => string) | undefined
  /** Returns true for requests without an entry. Default: none. */
  readonly skip?: ((request: Request, context: PlatformContext) => boolean) | undefined
  /**
   * Returns plain data to record as well. Called when the request is over; there is no response if the handler gave
   * none. Default: none.
   */
  readonly data?: ((request: Request, response: Response | undefined) => unknown) | undefined
}

/** The middleware of {@link requestJournal}. */
export interface RequestJournalMiddleware extends FetchMiddleware {
  /** Returns the requests that are not over, the oldest first. */
  inFlight(): RequestInFlight[]
}

/**
 * Returns a middleware that appends an entry to a journal when a request is over, which is when the body of its response
 * has ended: method, path, status, duration, and what the options add. An error of the journal is reported to the
 * system's `onError`, and breaks no request.
 *
 * @param journal A `Journal`, or one that `openJournal` returned.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * const journal = new Journal<RequestEntry>({ maxEntries: 10_000, overflow: 'bounded:drop_oldest' })
 * app.use(requestJournal(journal, { headers: ['user-agent'] }))
 * ```
 */
export function requestJournal(journal: RequestLog, options?: RequestJournalOptions): RequestJournalMiddleware {
  const opts = translated(checkOptions('options', options), ['id', 'skip'], ['data'])
  const adapter = new FetchAdapter()
  const recorder = new RequestRecorder<Exchange, Exchange>(
    journal,
    opts as RequestRecorderOptions<Exchange, Exchange>,
    adapter,
  )
  return Object.assign(
    adapter.middleware((exchange, same, next) => recorder.receive(exchange, same, next)),
    { inFlight: () => recorder.inFlight() },
  )
}

/**
 * Returns the id of a request that {@link requestJournal} has seen; `undefined` for another.
 *
 * @param request The request, or the context of Hono.
 * @example
 * ```ts
 * app.get('/', (c) => c.text(`request ${requestId(c)}`))
 * ```
 */
export function requestId(request: unknown): string | undefined {
  return exchangeOf(request)?.id
}
