import type { IncomingMessage } from 'node:http'

import { InvalidArgumentError } from '../errors/errors.ts'
import { callOut } from '../internal/report-error.ts'
import {
  callbacks,
  fieldOf,
  flag,
  isList,
  known,
  optionalCallable,
  options as checkOptions,
  text,
} from '../internal/validate.ts'
import { resolveSystem } from '../system/default.ts'
import type { System } from '../system/system.ts'
import type { FrameworkAdapter } from './framework-adapter.ts'
import { urlOf, withoutQuery } from './request-url.ts'
import { onResponseEnd } from './response-end.ts'
import { callSync } from './user-callbacks.ts'

/** The journal that a request journal writes to: a `Journal`, or one that `openJournal` returned. */
export interface RequestLog {
  /** Appends an entry. An error or a rejection is reported to the system's `onError`. */
  append(entry: RequestEntry): unknown
}

/** An entry about a request, written when the request is over. Plain data. */
export interface RequestEntry {
  /** Unique among requests, also those of several processes. See the option `id`. */
  readonly id: string
  /** The HTTP method, such as `'GET'`. */
  readonly method: string
  /** The path, at most 2048 characters; without its query unless the option `query` is true. */
  readonly path: string
  /** The status of the response. For an aborted request: the status that was set until then. */
  readonly status: number
  /** Time from the middleware to the end of the response, in milliseconds of the system's monotonic clock. */
  readonly durationMs: number
  /** True when the client left before the response was finished. */
  readonly aborted: boolean
  /** The address of the client, as far as the framework trusts proxies. Present with the option `ip`. */
  readonly ip?: string
  /** The request's headers that the option `headers` names; those that hold secrets are `'[redacted]'`. */
  readonly headers?: { readonly [name: string]: string | readonly string[] }
  /** The value that the option `data` returned. */
  readonly data?: unknown
}

/** A request that is not over. */
export interface RequestInFlight {
  /** The id that the entry will have. */
  readonly id: string
  /** The HTTP method, such as `'GET'`. */
  readonly method: string
  /** The path that the entry will have. */
  readonly path: string
  /** The time that the request has been in flight, in milliseconds of the system's monotonic clock. */
  readonly forMs: number
}

/**
 * Options of a request journal. A function of yours that throws, or returns a promise, is reported, and counts as if it
 * were not given.
 */
export interface RequestRecorderOptions<Req, Res> {
  /**
   * Returns the id of a request, a non-empty string; at most 200 characters are kept. Default: `req.id`, where the
   * framework or an earlier middleware set one, and otherwise a new id, which becomes `req.id`.
   */
  readonly id?: ((req: Req, res: Res) => string) | undefined
  /** Returns true for requests without an entry. Default: none. */
  readonly skip?: ((req: Req, res: Res) => boolean) | undefined
  /**
   * The headers of the request to record: a list of names, or true for all. Values keep 1024 characters. Default: none.
   */
  readonly headers?: boolean | readonly string[] | undefined
  /** Headers whose values are redacted, beside `Authorization`, `Cookie` and others that are known to hold secrets. */
  readonly redact?: readonly string[] | undefined
  /** Records the path with its query, which may hold secrets. Default false. */
  readonly query?: boolean | undefined
  /** Records the client's address. Default false. */
  readonly ip?: boolean | undefined
  /** Returns plain data to record as well. Called when the request is over. Default: none. */
  readonly data?: ((req: Req, res: Res) => unknown) | undefined
  /** The system whose clock is read and whose `onError` receives errors. Default: the default system. */
  readonly system?: System
}

/** @internal The names of these options. */
export const REQUEST_JOURNAL_OPTIONS: readonly string[] = [
  'id',
  'skip',
  'headers',
  'redact',
  'query',
  'ip',
  'data',
  'system',
]
/** Headers whose values let anybody act as their sender. */
const SECRET = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-access-token',
  'x-csrf-token',
  'x-xsrf-token',
]
const REDACTED = '[redacted]'
const MAX_PATH = 2048
const MAX_HEADER = 1024
const MAX_ID = 200

function names(field: string, value: unknown): string[] {
  if (!isList(value)) throw new InvalidArgumentError(field, 'a list of names of headers', value)
  return value.map((name, index) => text(`${field}[${index}]`, name).toLowerCase())
}

/** Appends one entry for each request. No failure of the journal, or of a user's function, breaks a request. */
export class RequestRecorder<Req, Res> {
  readonly #log: RequestLog
  readonly #adapter: FrameworkAdapter<Req, Res>
  readonly #options: RequestRecorderOptions<Req, Res>
  readonly #system: System
  readonly #headers: readonly string[] | boolean
  readonly #secret: ReadonlySet<string>
  readonly #inFlight = new Set<PendingRequest<Req, Res>>()
  /** The first part of the ids of this recorder, and how many there are. */
  #idPrefix: string | undefined
  #idCount = 0

  /** @throws InvalidArgumentError naming the argument or option that is refused. */
  constructor(
    log: RequestLog,
    options: RequestRecorderOptions<Req, Res> | undefined,
    adapter: FrameworkAdapter<Req, Res>,
  ) {
    const opts: RequestRecorderOptions<Req, Res> = checkOptions('options', options)
    known('options', opts, REQUEST_JOURNAL_OPTIONS)
    callbacks('journal', log, ['append'])
    if (typeof fieldOf(log, 'append') !== 'function') {
      throw new InvalidArgumentError('journal', 'a journal', log)
    }
    optionalCallable('options.id', opts.id)
    optionalCallable('options.skip', opts.skip)
    optionalCallable('options.data', opts.data)
    flag('options.query', false, opts.query)
    flag('options.ip', false, opts.ip)
    const { headers = false } = opts
    this.#headers = typeof headers === 'boolean' ? headers : names('options.headers', headers)
    this.#secret = new Set([...SECRET, ...names('options.redact', opts.redact ?? [])])
    this.#log = log
    this.#adapter = adapter
    this.#options = opts
    this.#system = resolveSystem(opts.system)
  }

  receive(req: Req, res: Res, next: () => void): void {
    const { skip } = this.#options
    const isSkipped = skip !== undefined && this.#call('skip', () => skip(req, res), Boolean)
    if (isSkipped !== true) this.#follow(req, res)
    next()
  }

  /** Returns the requests that are not over, the oldest first. */
  inFlight(): RequestInFlight[] {
    const now = this.#system.clock.monoMs()
    return [...this.#inFlight].map(({ id, method, url, startedAt }) => ({
      id,
      method,
      path: this.#pathOf(url),
      forMs: now - startedAt,
    }))
  }

  #follow(req: Req, res: Res): void {
    const request = this.#adapter.request(req)
    const response = this.#adapter.response(res)
    // Read now: routing may rewrite method and URL, and a closed connection has no address.
    const { method = '' } = request
    const url = urlOf(request)
    const ip = this.#options.ip === true ? this.#adapter.clientIp(req) : undefined
    const startedAt = this.#system.clock.monoMs()
    const pending = { id: this.#idOf(req, res), req, res, method, url, ip, startedAt }
    this.#inFlight.add(pending)
    onResponseEnd(request, response, (isEnded) => {
      this.#inFlight.delete(pending)
      callOut(
        () => this.#log.append(this.#entry(pending, !isEnded)),
        (error) => this.#report(error, 'requestJournal'),
      )
    })
  }

  #idOf(req: Req, res: Res): string {
    const { id } = this.#options
    const chosen = id && this.#call('id', () => id(req, res), checkedId)
    if (chosen !== undefined) return chosen
    const holder = req as { id?: unknown }
    if (typeof holder.id === 'string' && holder.id !== '') return holder.id.slice(0, MAX_ID)
    if (typeof holder.id === 'number') return String(holder.id)
    this.#idPrefix ??= this.#system.random.id()
    const fresh = `${this.#idPrefix}-${(++this.#idCount).toString(36)}`
    if (holder.id === undefined) holder.id = fresh
    return fresh
  }

  #pathOf(url: string): string {
    return (this.#options.query === true ? url : withoutQuery(url)).slice(0, MAX_PATH)
  }

  #entry({ id, req, res, method, url, ip, startedAt }: PendingRequest<Req, Res>, aborted: boolean): RequestEntry {
    const headers = this.#headers === false ? undefined : this.#headersOf(this.#adapter.request(req))
    const data = this.#dataOf(req, res)
    return {
      id,
      method,
      path: this.#pathOf(url),
      status: this.#adapter.response(res).statusCode,
      durationMs: this.#system.clock.monoMs() - startedAt,
      aborted,
      ...(ip !== undefined && { ip }),
      ...(headers !== undefined && { headers }),
      ...(data !== undefined && { data }),
    }
  }

  #dataOf(req: Req, res: Res): unknown {
    const { data } = this.#options
    if (data === undefined) return undefined
    return this.#call(
      'data',
      () => data(req, res),
      (value) => value,
    )
  }

  #headersOf({ headers }: IncomingMessage): { [name: string]: string | readonly string[] } {
    const wanted = this.#headers === true ? Object.keys(headers) : (this.#headers as readonly string[])
    const entries = wanted.flatMap((name) => {
      const value = headers[name]
      if (value === undefined) return []
      if (this.#secret.has(name)) return [[name, REDACTED] as const]
      const short = Array.isArray(value) ? value.map((part) => part.slice(0, MAX_HEADER)) : value.slice(0, MAX_HEADER)
      return [[name, short] as const]
    })
    return Object.fromEntries(entries)
  }

  #call<T>(name: string, callback: () => unknown, check: (answer: unknown) => T): T | undefined {
    return callSync('requestJournal', name, callback, check, this.#report)
  }

  readonly #report = (error: unknown, origin: string): void => this.#system.report(error, origin)
}

function checkedId(id: unknown): string {
  if (typeof id === 'string' && id !== '') return id.slice(0, MAX_ID)
  throw new InvalidArgumentError('id(req)', 'a non-empty string', id)
}

/** A request that was received and is not over. */
interface PendingRequest<Req, Res> {
  readonly id: string
  readonly req: Req
  readonly res: Res
  readonly method: string
  readonly url: string
  readonly ip: string | undefined
  readonly startedAt: number
}
