import type { Context, Middleware } from 'koa'

import {
  type RequestInFlight,
  type RequestLog,
  RequestRecorder,
  type RequestRecorderOptions,
} from '../http/request-journal.ts'
import { KoaAdapter } from './adapter.ts'

declare module 'koa' {
  interface ExtendableContext {
    /** The id of the request, once {@link requestJournal} or a middleware before it has set one. */
    id?: string
  }
}

/** Options of {@link requestJournal}. Functions get the context. */
export type RequestJournalOptions = RequestRecorderOptions<Context, Context>

/** The middleware of {@link requestJournal}. */
export interface RequestJournalMiddleware extends Middleware {
  /** Returns the requests that are not over, the oldest first. */
  inFlight(): RequestInFlight[]
}

/**
 * Returns a middleware that appends an entry to a journal when a request is over: method, path, status, duration, and
 * what the options add. The id of a request is `ctx.id`. An error of the journal is reported to the system's `onError`,
 * and breaks no request.
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
  const adapter = new KoaAdapter()
  const recorder = new RequestRecorder<Context, Context>(journal, options, adapter)
  const middleware: Middleware = (ctx, next) =>
    adapter.run(ctx, next, (req, res, then) => recorder.receive(req, res, then))
  return Object.assign(middleware, { inFlight: () => recorder.inFlight() })
}
