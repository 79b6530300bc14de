import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Request, RequestHandler, Response } from 'express'

import {
  type RequestInFlight,
  type RequestLog,
  RequestRecorder,
  type RequestRecorderOptions,
} from '../http/request-journal.ts'
import { expressAdapter } from './adapter.ts'

/** Options of {@link requestJournal}. */
export type RequestJournalOptions = RequestRecorderOptions<Request, Response>

/** The middleware of {@link requestJournal}. */
export interface RequestJournalMiddleware {
  /** Records a request, and passes it on. */
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void
  /** Returns the requests that are not over, the oldest first. */
  inFlight(): RequestInFlight[]
}

/**
 * Returns a middleware that appends an entry to a journal when a request is over: method, path, status, duration, and
 * what the options add. An error of the journal is reported to the system's `onError`, and breaks no request.
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
  const recorder = new RequestRecorder(journal, options, expressAdapter)
  const middleware: RequestHandler = (req, res, next) => recorder.receive(req, res, next)
  return Object.assign(middleware, { inFlight: () => recorder.inFlight() }) as RequestJournalMiddleware
}
