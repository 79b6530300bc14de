import type { IncomingMessage } from 'node:http'

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
import { InvalidArgumentError } from '../errors/errors.ts'
import type { System } from '../system/system.ts'
import { askAtOnce, tell } from './user-callbacks.ts'
import type { Face } from './framework-adapter.ts'
import { whenOver } from './response-end.ts'
import { resolveSystem } from '../system/default.ts'

/** Where entries go: a `Journal`, or one that `openJournal` gave. */
export interface RequestLog {
  append(entry: RequestEntry): unknown
}

/** What is told of a request when it is over. Plain data. */
export interface RequestEntry {
  /** Tells requests apart, also those of several processes: see the option `id`. */
  readonly id: string
  readonly method: string
  /** Without what follows a `?`, unless `query` is asked for; at most 2048 characters. */
  readonly path: string
  /** The status of the answer; of an aborted request, the one that was set until then. */
  readonly status: number
  /** From when the middleware saw it to the end of the answer, in milliseconds of the system's monotonic clock. */
  readonly durationMs: number
  /** Whether the client went away before the answer was finished. */
  readonly aborted: boolean
  /** The address of the client, as far as the framework believes what proxies say. */
  readonly ip?: string
  /** The headers that were asked for; those that hold secrets are `'[redacted]'`. */
  readonly headers?: { readonly [name: string]: string | readonly string[] }
  /** What the option `data` made. */
  readonly data?: unknown
}

/** A request that is not over. */
export interface RequestInFlight {
  readonly id: string
  readonly method: string
  /** As the entry will have it. */
  readonly path: string
  /** For how long, in milliseconds of the system's monotonic clock. */
  readonly forMs: number
}

/** Options of a request journal. A function of yours that throws is reported, and counts as if it were not given. */
export interface RequestJournalOptions<Req, Res> {
  /**
   * The id of a request. Default: the one that the framework or a middleware before gave it (`req.id`), and else a new
   * one, which is then `req.id`.
   */
  readonly id?: ((req: Req, res: Res) => string) | undefined
  /** Requests that are not told of. Default: none. */
  readonly skip?: ((req: Req, res: Res) => boolean) | undefined
  /** Which headers of the request to tell: a list of names, or all. Default: none. */
  readonly headers?: boolean | readonly string[] | undefined
  /** Headers whose values are secrets, beside those that are known to be. */
  readonly redact?: readonly string[] | undefined
  /** Whether the path is told with its query, which may hold secrets. Default false. */
  readonly query?: boolean | undefined
  /** Whether the client's address is told. Default false. */
  readonly ip?: boolean | undefined
  /** Plain data to tell as well, made when the request is over. Default: none. */
  readonly data?: ((req: Req, res: Res) => unknown) | undefined
  /** Whose clock, and who is told of errors. Default: the default system. */
  readonly system?: System
}

/** @internal What its options are called. */
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
/** Headers that let whoever has them act as somebody else. */
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
const LONGEST_PATH = 2048
const LONGEST_HEADER = 1024

function names(field: string, value: unknown): string[] {
  if (!isList(value)) throw new InvalidArgumentError(field, 'a list of names of headers', value)
  return value.map((name, index) => text(`${field}[${index}]`, name).toLowerCase())
}

/** Appends one entry a request. Its rule: whatever becomes of the journal, requests do not suffer from it. */
export class RequestRecorder<Req, Res> {
  readonly #log: RequestLog
  readonly #face: Face<Req, Res>
  readonly #options: RequestJournalOptions<Req, Res>
  readonly #system: System
  readonly #headers: readonly string[] | boolean
  readonly #secret: ReadonlySet<string>
  readonly #inFlight = new Set<Begun<Req, Res>>()
  /** What the ids of this process begin with, and how many there were. */
  #prefix: string | undefined
  #made = 0

  /** @throws InvalidArgumentError naming what is refused. */
  constructor(log: RequestLog, options: RequestJournalOptions<Req, Res> | undefined, face: Face<Req, Res>) {
    const given: RequestJournalOptions<Req, Res> = checkOptions('options', options)
    known('options', given, REQUEST_JOURNAL_OPTIONS)
    callbacks('journal', log, ['append'])
    if (typeof fieldOf(log, 'append') !== 'function') {
      throw new InvalidArgumentError('journal', 'a journal', log)
    }
    optionalCallable('options.id', given.id)
    optionalCallable('options.skip', given.skip)
    optionalCallable('options.data', given.data)
    flag('options.query', false, given.query)
    flag('options.ip', false, given.ip)
    const { headers = false } = given
    this.#headers = typeof headers === 'boolean' ? headers : names('options.headers', headers)
    this.#secret = new Set([...SECRET, ...names('options.redact', given.redact ?? [])])
    this.#log = log
    this.#face = face
    this.#options = given
    this.#system = resolveSystem(given.system)
  }

  receive(req: Req, res: Res, next: () => void): void {
    const { skip } = this.#options
    const isSkipped = skip !== undefined && this.#ask('skip', () => skip(req, res), Boolean)
    if (isSkipped !== true) this.#follow(req, res)
    next()
  }

  /** Returns the requests that are not over, the oldest first. */
  inFlight(): RequestInFlight[] {
    const now = this.#system.clock.monoMs()
    return [...this.#inFlight].map(({ id, method, url, at }) => ({
      id,
      method,
      path: this.#pathOf(url),
      forMs: now - at,
    }))
  }

  #follow(req: Req, res: Res): void {
    const request = this.#face.request(req)
    const response = this.#face.response(res)
    // What is routed by may be rewritten on the way, and a connection that is gone has no address.
    const { method = '' } = request
    const url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? ''
    const ip = this.#options.ip === true ? this.#face.ip(req) : undefined
    const begun = { id: this.#idOf(req, res), req, res, method, url, ip, at: this.#system.clock.monoMs() }
    this.#inFlight.add(begun)
    whenOver(request, response, (isEnded) => {
      this.#inFlight.delete(begun)
      tell('requestJournal', () => this.#log.append(this.#entry(begun, !isEnded)), this.#report)
    })
  }

  #idOf(req: Req, res: Res): string {
    const { id } = this.#options
    const given = id && this.#ask('id', () => id(req, res), checkedId)
    if (given !== undefined) return given
    const holder = req as { id?: unknown }
    if (typeof holder.id === 'string' && holder.id !== '') return holder.id.slice(0, LONGEST_ID)
    if (typeof holder.id === 'number') return String(holder.id)
    this.#prefix ??= this.#system.random.id()
    const made = `${this.#prefix}-${(++this.#made).toString(36)}`
    if (holder.id === undefined) holder.id = made
    return made
  }

  #pathOf(url: string): string {
    const end = this.#options.query === true ? -1 : url.indexOf('?')
    return url.slice(0, end === -1 ? LONGEST_PATH : Math.min(end, LONGEST_PATH))
  }

  #entry({ id, req, res, method, url, ip, at }: Begun<Req, Res>, aborted: boolean): RequestEntry {
    const { data } = this.#options
    const headers = this.#headers === false ? undefined : this.#told(this.#face.request(req))
    const made =
      data === undefined
        ? undefined
        : this.#ask(
            'data',
            () => data(req, res),
            (value) => value,
          )
    return {
      id,
      method,
      path: this.#pathOf(url),
      status: this.#face.response(res).statusCode,
      durationMs: this.#system.clock.monoMs() - at,
      aborted,
      ...(ip !== undefined && { ip }),
      ...(headers !== undefined && { headers }),
      ...(made !== undefined && { data: made }),
    }
  }

  #told({ headers }: IncomingMessage): { [name: string]: string | readonly string[] } {
    const wanted = this.#headers === true ? Object.keys(headers) : (this.#headers as readonly string[])
    const told = wanted.flatMap((name) => {
      const value = headers[name]
      if (value === undefined) return []
      if (this.#secret.has(name)) return [[name, REDACTED] as const]
      const short = Array.isArray(value)
        ? value.map((part) => part.slice(0, LONGEST_HEADER))
        : value.slice(0, LONGEST_HEADER)
      return [[name, short] as const]
    })
    return Object.fromEntries(told)
  }

  #ask<T>(name: string, question: () => unknown, check: (answer: unknown) => T): T | undefined {
    return askAtOnce('requestJournal', name, question, check, this.#report)
  }

  readonly #report = (error: unknown, origin: string): void => this.#system.report(error, origin)
}

const LONGEST_ID = 200

function checkedId(id: unknown): string {
  if (typeof id === 'string' && id !== '') return id.slice(0, LONGEST_ID)
  throw new InvalidArgumentError('id(req)', 'a non-empty string', id)
}

/** A request that was seen. */
interface Begun<Req, Res> {
  readonly id: string
  readonly req: Req
  readonly res: Res
  readonly method: string
  readonly url: string
  readonly ip: string | undefined
  readonly at: number
}
