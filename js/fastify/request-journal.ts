import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'

import {
  REQUEST_JOURNAL_OPTIONS,
  type RequestInFlight,
  type RequestLog,
  RequestRecorder,
  type RequestRecorderOptions,
} from '../http/request-journal.ts'
import { known } from '../internal/validate.ts'
import { fastifyAdapter } from './adapter.ts'
import { onRequest, plugin } from './plugin.ts'

/** Options of {@link requestJournal}. */
export interface RequestJournalOptions extends RequestRecorderOptions<FastifyRequest, FastifyReply> {
  /** The journal that entries are appended to: a `Journal`, or one that `openJournal` returned. */
  readonly journal: RequestLog
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns the requests that are not over, the oldest first. Exists once {@link requestJournal} is registered. */
    requestsInFlight(): RequestInFlight[]
  }
}

/**
 * A plugin that appends an entry to a journal when a request is over: method, path, status, duration, and what the
 * options add. An error of the journal is reported to the system's `onError`, and breaks no request.
 *
 * A refused option rejects `app.ready()` with InvalidArgumentError.
 *
 * @example
 * ```ts
 * app.register(requestJournal, { journal: new Journal<RequestEntry>(), headers: ['user-agent'] })
 * ```
 */
export const requestJournal: FastifyPluginCallback<RequestJournalOptions> = plugin(
  'keelson-request-journal',
  (app, options: RequestJournalOptions) => {
    known('options', options, ['journal', ...REQUEST_JOURNAL_OPTIONS])
    const { journal, ...rest } = options
    const recorder = new RequestRecorder(journal, rest, fastifyAdapter)
    onRequest(app, (request, reply, done) => recorder.receive(request, reply, done))
    if (!app.hasDecorator('requestsInFlight')) app.decorate('requestsInFlight', () => recorder.inFlight())
  },
)
