import { freshSecret } from '../system/entropy.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import {
  flag,
  integer,
  known,
  list,
  object,
  optionalCallable,
  options as checkOptions,
  text,
} from '../internal/validate.ts'
import type { ObserveHttpAddress, ObserveOptions, ObserveStateOptions } from './types.ts'

const OPTIONS = [
  'socket',
  'http',
  'allowActions',
  'token',
  'refreshMs',
  'allowedHosts',
  'allowedOrigins',
  'stallMs',
  'state',
  'dangerouslyAllowRemote',
]

/** Checked settings of a server. */
export interface ObserveSettings {
  /** The path of the socket; true for the usual one. */
  readonly socket: string | boolean
  readonly http: { readonly host: string; readonly port: number } | undefined
  readonly allowActions: boolean
  readonly token: string
  readonly refreshMs: number
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly stallMs: number
  readonly state: ObserveStateOptions | undefined
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1)$/

/** Returns an address without its brackets; `localhost` as a number. */
function hostNumber(host: string): string {
  if (host === 'localhost') return '127.0.0.1'
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

function httpOf(field: string, value: unknown, isRemote: boolean): ObserveSettings['http'] {
  if (value === undefined || value === false) return undefined
  if (value === true) return { host: '127.0.0.1', port: 0 }
  if (typeof value === 'string') {
    const match = /^(?:http:\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d{1,5}))?\/?$/.exec(value)
    if (match === null) throw new InvalidArgumentError(field, "a text such as '127.0.0.1:9000'", value)
    return checkHttp(field, { host: match[1] as string, port: Number(match[2] ?? 0) }, isRemote)
  }
  const address = object<ObserveHttpAddress>(field, value, 'true, false, a text, or an object with host and port')
  known(field, address, ['host', 'port'])
  return checkHttp(field, address, isRemote)
}

function checkHttp(field: string, address: ObserveHttpAddress, isRemote: boolean): ObserveSettings['http'] {
  const { host: given = '127.0.0.1', port = 0 } = address
  const host = hostNumber(text(`${field}.host`, given))
  if (!LOOPBACK.test(host) && !isRemote) {
    const expected = 'an address of loopback: others need dangerouslyAllowRemote: true'
    throw new InvalidArgumentError(`${field}.host`, expected, given)
  }
  return { host, port: integer(`${field}.port`, 0, 65_535, port) }
}

function tokenOf(token: unknown): string {
  if (token === undefined) return freshSecret()
  if (typeof token === 'string' && /^[\w.~-]{16,256}$/.test(token)) return token
  // The value is a secret, and stays out of the message.
  throw new InvalidArgumentError('options.token', '16 to 256 letters, digits, -, ., _ and ~', typeof token)
}

const texts = (field: string, value: readonly string[] | undefined): string[] =>
  value === undefined ? [] : list(field, value).map((each, index) => text(`${field}[${index}]`, each).toLowerCase())

function stateOf(state: ObserveStateOptions | undefined): ObserveStateOptions | undefined {
  if (state === undefined) return undefined
  const checked = object<ObserveStateOptions>('options.state', state)
  known('options.state', checked, ['redact'])
  optionalCallable('options.state.redact', checked.redact)
  return checked
}

/** Returns the checked options of `observe()`. */
export function checkObserve(given: ObserveOptions | undefined): ObserveSettings {
  const options = checkOptions('options', given)
  known('options', options, OPTIONS)
  const http = httpOf(
    'options.http',
    options.http,
    flag('options.dangerouslyAllowRemote', false, options.dangerouslyAllowRemote),
  )
  const { socket = http === undefined && options.http === undefined } = options
  if (typeof socket !== 'boolean') text('options.socket', socket)
  if (socket === false && http === undefined) {
    throw new InvalidArgumentError('options.http', 'an address, as there is no socket', options.http)
  }
  return {
    socket,
    http,
    allowActions: flag('options.allowActions', false, options.allowActions),
    token: tokenOf(options.token),
    refreshMs: options.refreshMs === undefined ? 250 : integer('options.refreshMs', 50, 60_000, options.refreshMs),
    allowedHosts: texts('options.allowedHosts', options.allowedHosts),
    allowedOrigins: texts('options.allowedOrigins', options.allowedOrigins),
    stallMs: options.stallMs === undefined ? 200 : integer('options.stallMs', 10, 60_000, options.stallMs),
    state: stateOf(options.state),
  }
}
