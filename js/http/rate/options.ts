import { InvalidArgumentError } from '../../errors/errors.ts'
import {
  callable,
  flag,
  integer,
  isA,
  isList,
  known,
  object,
  optionalCallable,
  options as checkOptions,
  text,
} from '../../internal/validate.ts'
import { Limiter } from '../../rate/limiter.ts'
import type { LimiterOptions } from '../../rate/types.ts'
import { LimiterUnion, MAX_UNION } from '../../rate/union.ts'
import { resolveSystem } from '../../system/default.ts'
import { assertSystem, type System } from '../../system/system.ts'
import { checkedSubnet } from '../client-address.ts'
import { CHECKS, type RateLimitCheck } from './checks.ts'
import { type Draft, DRAFTS } from './headers.ts'
import { DEFAULT_BODY, rejectionBody, type RejectionBody } from './rejection-body.ts'
import { checkedStore, type HttpRateLimitStore } from './store.ts'

/** A value, or a promise of it. */
export type Awaitable<T> = T | PromiseLike<T>

/** One of several limits. */
export interface HttpRateLimitWindow {
  /** Length of the window, in milliseconds, from 0.001 to 10^12. */
  readonly windowMs: number
  /** The number of requests that a key may make in a window, from 1 to 10^9. */
  readonly limit: number
}

/**
 * Options of a rate limit in front of a framework's requests. A function of yours that throws or rejects is reported,
 * and counts as if it were not given.
 */
export interface HttpRateLimitOptions<Req, Res, Handler> {
  /** Length of the window, in milliseconds, from 0.001 to 10^12. Default 60 000. */
  readonly windowMs?: number | undefined
  /**
   * The number of requests that a key may make in a window, from 1 to 10^9, or a function that returns it. A function
   * may return at most 64 different numbers; each has keys of its own. Default 5.
   */
  readonly limit?: number | ((req: Req, res: Res) => Awaitable<number>) | undefined
  /**
   * The algorithm that counts requests. Default `'sliding-window'`: never more than the limit in any window.
   */
  readonly algorithm?: LimiterOptions['algorithm']
  /** The requests that a key can make at once; only with `'gcra'` and a `limit` that is a number. Default: `limit`. */
  readonly burst?: number | undefined
  /**
   * The most keys that the limit remembers; beyond that it forgets the one that is whole, or would be soonest. Default
   * 100 000.
   */
  readonly maxKeys?: number | undefined
  /** The time for which a key that asks for more than it has is refused, in ms. Default: only as long as needed. */
  readonly blockDurationMs?: number | undefined
  /** A limiter, or a union of limiters, to share with other code. Not together with the six options above or `system`. */
  readonly limiter?: Limiter | LimiterUnion | undefined
  /**
   * Several limits at once, from 1 to 16: a request counts against all of them, or against none. Instead of `windowMs`
   * and `limit`.
   */
  readonly limits?: readonly HttpRateLimitWindow[] | undefined
  /**
   * A store that counts requests instead of a limiter in memory: {@link redisRateLimitStore}, or one of
   * express-rate-limit's. The `limit` must be a number then, and the other options of a limiter are left out.
   */
  readonly store?: HttpRateLimitStore | undefined
  /** The system whose clock counts and whose `onError` receives errors. Default: the default system. */
  readonly system?: System
  /**
   * Returns the key whose quota a request is counted against. Keys over 128 characters are stored as their SHA-256.
   * Default: the client's address.
   */
  readonly keyGenerator?: ((req: Req, res: Res) => Awaitable<string>) | undefined
  /** The bits of an IPv6 address that tell clients apart, from 32 to 64; `false` for all 128. Default 56. */
  readonly ipv6Subnet?: number | false | undefined
  /** Returns true for requests that pass without being counted. Default: none. */
  readonly skip?: ((req: Req, res: Res) => Awaitable<boolean>) | undefined
  /** Gives back what a request took that succeeded. Default false. */
  readonly skipSuccessfulRequests?: boolean | undefined
  /** Gives back what a request took that failed, or whose client left. Default false. */
  readonly skipFailedRequests?: boolean | undefined
  /** Returns whether a finished response is a success. Default: a status below 400 is. */
  readonly requestWasSuccessful?: ((req: Req, res: Res) => Awaitable<boolean>) | undefined
  /** Answers a refused request, instead of `message`. */
  readonly handler?: Handler | undefined
  /**
   * The body of a refusal: text, a value for JSON, or a function that returns one of them or a promise of it.
   * Default: `'Too many requests, please try again later.'`
   */
  readonly message?: unknown
  /** Status of a refusal, from 400 to 599. Default 429. */
  readonly statusCode?: number | undefined
  /**
   * The draft of the IETF's headers that is sent. `true` means `'draft-6'`, as in express-rate-limit; `false` sends
   * none. Default `'draft-8'`.
   */
  readonly standardHeaders?: boolean | Draft | undefined
  /** Sends `X-RateLimit-*` headers. Default false. */
  readonly legacyHeaders?: boolean | undefined
  /** The policy's name in `'draft-8'`: a text or a function that returns it. Default: such as `5-in-1min`. */
  readonly identifier?: string | ((req: Req, res: Res) => string) | undefined
  /** The property of a request that holds its `RateLimitInfo`. Default `'rateLimit'`. */
  readonly requestPropertyName?: string | undefined
  /**
   * The checks for setups that make the limit useless; each reports once. `false` turns all off; an object turns some
   * on or off, and `default` the others. Default: all are on.
   */
  readonly validate?: boolean | { readonly [Check in RateLimitCheck | 'default']?: boolean } | undefined
}

/** Checked options. */
export interface RateLimitSettings<Req, Res, Handler> {
  readonly limit: number
  readonly limitOf: ((req: Req, res: Res) => Awaitable<number>) | undefined
  /** Opens the limiter of a limit. */
  readonly open: (limit: number) => Limiter | LimiterUnion
  /** The limiter of the options, if they have one. */
  readonly limiter: Limiter | LimiterUnion | undefined
  /** The store of the options, if they have one. */
  readonly store: HttpRateLimitStore | undefined
  /** The system of the options; without one, the default system. */
  readonly system: System
  /** True if limiters belong to the system that is the default one at the moment. */
  readonly followsDefault: boolean
  readonly windowMs: number
  readonly keyGenerator: HttpRateLimitOptions<Req, Res, Handler>['keyGenerator']
  readonly ipv6Subnet: number | false
  /** True if the options have `ipv6Subnet`. */
  readonly hasSubnet: boolean
  readonly skip: HttpRateLimitOptions<Req, Res, Handler>['skip']
  readonly skipSuccessful: boolean
  readonly skipFailed: boolean
  readonly wasSuccessful: HttpRateLimitOptions<Req, Res, Handler>['requestWasSuccessful']
  readonly handler: Handler | undefined
  /** The body of a refusal, or a function that returns it. */
  readonly message: RejectionBody | ((req: Req, res: Res) => unknown)
  readonly statusCode: number
  readonly draft: Draft | undefined
  readonly legacy: boolean
  readonly identifier: HttpRateLimitOptions<Req, Res, Handler>['identifier']
  readonly property: string
  readonly checks: ReadonlySet<RateLimitCheck>
}

/** The options that a new limiter uses; the option `limiter` excludes them. */
const LIMITER_NAMES = ['windowMs', 'limit', 'algorithm', 'burst', 'maxKeys', 'blockDurationMs', 'system'] as const
const NAMES = [
  ...LIMITER_NAMES,
  'limiter',
  'limits',
  'store',
  'keyGenerator',
  'ipv6Subnet',
  'skip',
  'skipSuccessfulRequests',
  'skipFailedRequests',
  'requestWasSuccessful',
  'handler',
  'message',
  'statusCode',
  'standardHeaders',
  'legacyHeaders',
  'identifier',
  'requestPropertyName',
  'validate',
] as const satisfies (keyof HttpRateLimitOptions<never, never, never>)[]

const DEFAULT_LIMIT = 5
const DEFAULT_WINDOW_MS = 60_000

/**
 * Checks the options. Throws InvalidArgumentError, naming the option, for one that cannot be used.
 *
 * @param leftOut An option that the framework does not have.
 */
export function rateLimitSettings<Req, Res, Handler extends (...args: never[]) => unknown>(
  options: HttpRateLimitOptions<Req, Res, Handler> | undefined,
  leftOut?: keyof HttpRateLimitOptions<never, never, never>,
): RateLimitSettings<Req, Res, Handler> {
  const opts: HttpRateLimitOptions<Req, Res, Handler> = checkOptions('options', options)
  if (Object.hasOwn(opts, 'max')) {
    throw new InvalidArgumentError('options.max', 'called limit here', (opts as { max?: unknown }).max)
  }
  known('options', opts, leftOut === undefined ? NAMES : NAMES.filter((name) => name !== leftOut))
  const { limiter, limit } = opts
  if (limiter !== undefined) checkLimiter(limiter, opts)
  if (opts.limits !== undefined) excludes('limits', opts, ['windowMs', 'limit', 'burst', 'limiter', 'store'])
  const limits = opts.limits === undefined ? undefined : checkedLimits(opts.limits)
  if (opts.store !== undefined) {
    excludes('store', opts, ['algorithm', 'burst', 'maxKeys', 'blockDurationMs', 'limiter'])
    if (typeof limit === 'function') throw new InvalidArgumentError('options.limit', 'a number beside a store', limit)
  }
  if (opts.system !== undefined) assertSystem('options.system', opts.system)
  const windowMs =
    (limiter as Limiter | undefined)?.windowMs ?? (opts.windowMs === undefined ? DEFAULT_WINDOW_MS : opts.windowMs)
  const settings: RateLimitSettings<Req, Res, Handler> = {
    limit: limiter?.limit ?? (typeof limit === 'number' ? limit : DEFAULT_LIMIT),
    limitOf: limit === undefined || typeof limit === 'number' ? undefined : callable('options.limit', limit),
    open: limits === undefined ? limiterFactory(opts, windowMs) : unionFactory(opts, limits),
    limiter,
    store: opts.store === undefined ? undefined : checkedStore(opts.store),
    system: resolveSystem(opts.system),
    followsDefault: limiter === undefined && opts.system === undefined,
    windowMs,
    keyGenerator: optionalCallable('options.keyGenerator', opts.keyGenerator),
    ipv6Subnet: checkedSubnet('options.ipv6Subnet', opts.ipv6Subnet),
    hasSubnet: opts.ipv6Subnet !== undefined,
    skip: optionalCallable('options.skip', opts.skip),
    skipSuccessful: flag('options.skipSuccessfulRequests', false, opts.skipSuccessfulRequests),
    skipFailed: flag('options.skipFailedRequests', false, opts.skipFailedRequests),
    wasSuccessful: optionalCallable('options.requestWasSuccessful', opts.requestWasSuccessful),
    handler: optionalCallable('options.handler', opts.handler),
    message: messageOf(opts.message),
    statusCode: opts.statusCode === undefined ? 429 : integer('options.statusCode', 400, 599, opts.statusCode),
    draft: draftOf(opts.standardHeaders),
    legacy: flag('options.legacyHeaders', false, opts.legacyHeaders),
    identifier: typeof opts.identifier === 'function' ? opts.identifier : optionalText('identifier', opts.identifier),
    property: optionalText('requestPropertyName', opts.requestPropertyName) ?? 'rateLimit',
    checks: checksOf(opts.validate),
  }
  if (settings.limitOf !== undefined && opts.burst !== undefined) {
    throw new InvalidArgumentError('options.burst', 'left out beside a limit that is a function', opts.burst)
  }
  return settings
}

type LimiterName = (typeof LIMITER_NAMES)[number]
/** The options of a new limiter. The type of `limit` depends on the framework, and does not matter here. */
type LimiterSource = Pick<HttpRateLimitOptions<never, never, never>, Exclude<LimiterName, 'limit'>> & {
  readonly limit?: unknown
}

function checkLimiter(limiter: unknown, opts: LimiterSource): void {
  if (!isA(limiter, Limiter) && !isA(limiter, LimiterUnion)) {
    throw new InvalidArgumentError('options.limiter', 'a Limiter or a union of them', limiter)
  }
  excludes('limiter', opts, LIMITER_NAMES)
}

/** Refuses options that have no meaning beside another. */
function excludes<Options extends object>(
  option: string,
  opts: Options,
  names: readonly (keyof Options & string)[],
): void {
  const beside = names.find((name) => opts[name] !== undefined)
  if (beside === undefined) return
  throw new InvalidArgumentError(`options.${beside}`, `left out beside options.${option}`, opts[beside])
}

function checkedLimits(limits: readonly HttpRateLimitWindow[]): readonly HttpRateLimitWindow[] {
  if (!isList<HttpRateLimitWindow>(limits) || limits.length === 0 || limits.length > MAX_UNION) {
    throw new InvalidArgumentError('options.limits', `a list of 1 to ${MAX_UNION} limits`, limits)
  }
  for (const [index, limit] of limits.entries()) {
    object(`options.limits[${index}]`, limit)
    known(`options.limits[${index}]`, limit, ['windowMs', 'limit'])
  }
  return [...limits]
}

/** Returns a function that opens a union of limiters. An error of one names it by its place. */
function unionFactory(opts: LimiterSource, limits: readonly HttpRateLimitWindow[]): () => LimiterUnion {
  return () =>
    Limiter.union(
      limits.map(({ windowMs, limit }, index) => {
        try {
          return limiterFactory(opts, windowMs)(limit)
        } catch (error) {
          if (!(error instanceof InvalidArgumentError)) throw error
          const name = error.field.replace('options.', `options.limits[${index}].`)
          if (!/\.(limit|windowMs)$/.test(name)) throw error
          throw new InvalidArgumentError(name, 'within what a limiter can count', error.value)
        }
      }),
    )
}

/** Returns a function that opens limiters. An error of `Limiter` names the option as it is called here. */
function limiterFactory(opts: LimiterSource, windowMs: number): (limit: number) => Limiter {
  const { algorithm, burst, maxKeys, blockDurationMs, system } = opts
  return (maxRequests) => {
    try {
      return new Limiter({
        maxRequests,
        windowMs,
        algorithm,
        burst,
        maxKeys,
        blockDurationMs,
        ...(system && { system }),
      })
    } catch (error) {
      if (!(error instanceof InvalidArgumentError) || error.field !== 'options.maxRequests') throw error
      throw new InvalidArgumentError('options.limit', 'an integer from 1 to what can be counted', error.value)
    }
  }
}

function optionalText(name: string, value: unknown): string | undefined {
  return value === undefined ? undefined : text(`options.${name}`, value)
}

function messageOf<Req, Res>(value: unknown): RejectionBody | ((req: Req, res: Res) => unknown) {
  if (value === undefined) return DEFAULT_BODY
  if (typeof value === 'function') return value as (req: Req, res: Res) => unknown
  return rejectionBody('options.message', value)
}

function draftOf(value: unknown): Draft | undefined {
  if (value === undefined) return 'draft-8'
  if (typeof value === 'boolean') return value ? 'draft-6' : undefined
  if (DRAFTS.includes(value as Draft)) return value as Draft
  throw new InvalidArgumentError('options.standardHeaders', `true, false or one of ${DRAFTS.join(', ')}`, value)
}

function checksOf(value: unknown): ReadonlySet<RateLimitCheck> {
  if (value === undefined || typeof value === 'boolean') return new Set(value === false ? [] : CHECKS)
  const chosen = checkOptions('options.validate', value as { [name: string]: boolean })
  known('options.validate', chosen, [...CHECKS, 'default'])
  const fallback = flag('options.validate.default', true, chosen['default'])
  return new Set(CHECKS.filter((name) => flag(`options.validate.${name}`, fallback, chosen[name])))
}
