import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'

import { known } from '../internal/validate.ts'
import {
  REQUEST_JOURNAL_OPTIONS,
  type RequestInFlight,
  type RequestJournalOptions as Options,
  type RequestLog,
  RequestRecorder,
} from '../http/request-journal.ts'
import { fastifyFace } from './adapter.ts'
import { onRequest, plugin } from './plugin.ts'

/** Options of {@link requestJournal}. */
export interface RequestJournalOptions extends Options<FastifyRequest, FastifyReply> {
  /** Where entries go: a `Journal`, or one that `openJournal` gave. */
  readonly journal: RequestLog
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns the requests that are not over, the oldest first; there once {@link requestJournal} is registered. */
    requestsInFlight(): RequestInFlight[]
  }
}

/**
 * Appends an entry to a journal for each request, when it is over: method, path, status and duration, and what is asked
 * for beside. A journal that refuses is reported to the system's `onError`; requests do not suffer from it.
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
    const { journal, ...given } = options
    const recorder = new RequestRecorder(journal, given, fastifyFace)
    onRequest(app, (request, reply, done) => recorder.receive(request, reply, done))
    if (!app.hasDecorator('requestsInFlight')) app.decorate('requestsInFlight', () => recorder.inFlight())
  },
)
