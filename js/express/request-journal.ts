import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Request, RequestHandler, Response } from 'express'

import {
  type RequestInFlight,
  type RequestJournalOptions as Options,
  type RequestLog,
  RequestRecorder,
} from '../http/request-journal.ts'
import { expressFace } from './adapter.ts'

/** Options of {@link requestJournal}. */
export type RequestJournalOptions = Options<Request, Response>

/** What {@link requestJournal} gives. */
export interface RequestJournalMiddleware {
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void
  /** Returns the requests that are not over, the oldest first. */
  inFlight(): RequestInFlight[]
}

/**
 * Appends an entry to a journal for each request, when it is over: method, path, status and duration, and what is asked
 * for beside. A journal that refuses is reported to the system's `onError`; requests do not suffer from it.
 *
 * @param journal A `Journal`, or one that `openJournal` gave.
 * @throws InvalidArgumentError naming what is refused.
 * @example
 * ```ts
 * const journal = new Journal<RequestEntry>({ maxEntries: 10_000, overflow: 'bounded:drop_oldest' })
 * app.use(requestJournal(journal, { headers: ['user-agent'] }))
 * ```
 */
export function requestJournal(journal: RequestLog, options?: RequestJournalOptions): RequestJournalMiddleware {
  const recorder = new RequestRecorder(journal, options, expressFace)
  const middleware: RequestHandler = (req, res, next) => recorder.receive(req, res, next)
  return Object.assign(middleware, { inFlight: () => recorder.inFlight() }) as RequestJournalMiddleware
}
