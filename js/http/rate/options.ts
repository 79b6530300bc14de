import {
  callable,
  flag,
  integer,
  isA,
  known,
  optionalCallable,
  options as checkOptions,
  text,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { Limiter } from '../../rate/limiter.ts'
import type { LimiterOptions } from '../../rate/types.ts'
import { assertSystem, type System } from '../../system/system.ts'
import { subnetOf } from '../client-address.ts'
import { type Answer, answerOf, USUAL_ANSWER } from './rejection-body.ts'
import { CHECKS, type RateLimitCheck } from './checks.ts'
import { type Draft, DRAFTS } from './headers.ts'

type MaybePromise<T> = T | PromiseLike<T>

/**
 * Options of a rate limit in front of a framework's requests. A function of yours that throws or rejects is reported,
 * and counts as if it were not given.
 */
export interface RateOptions<Req, Res, Handler> {
  /** The window, in milliseconds, from 0.001 to 10^12. Default 60 000. */
  readonly windowMs?: number | undefined
  /** How many requests a key may make in a window, from 1 to 10^9, or a function that tells. Default 5. */
  readonly limit?: number | ((req: Req, res: Res) => MaybePromise<number>) | undefined
  /** How requests are counted. Default `'gcra'`, which refills steadily. */
  readonly algorithm?: LimiterOptions['algorithm']
  /** How many requests a key can make at once; only with `'gcra'` and a `limit` that is a number. Default: `limit`. */
  readonly burst?: number | undefined
  /** How many keys are remembered. Default 100 000. */
  readonly maxKeys?: number | undefined
  /** A key that asks for more than it has is refused for this long, in milliseconds. Default: only as long as needed. */
  readonly blockDurationMs?: number | undefined
  /** A limiter to share with other code, instead of the six options above. */
  readonly limiter?: Limiter | undefined
  /** Whose clock, and who is told of errors. Default: the default system. Not together with `limiter`. */
  readonly system?: System
  /** Whose quota a request is counted against. Default: the client's address. Keys over 128 characters are digested. */
  readonly keyGenerator?: ((req: Req, res: Res) => MaybePromise<string>) | undefined
  /** How many bits of an IPv6 address tell clients apart, from 32 to 64; false for all 128. Default 56. */
  readonly ipv6Subnet?: number | false | undefined
  /** Requests that pass without being counted. Default: none. */
  readonly skip?: ((req: Req, res: Res) => MaybePromise<boolean>) | undefined
  /** Gives back what a request took that was answered with success. Default false. */
  readonly skipSuccessfulRequests?: boolean | undefined
  /** Gives back what a request took that was not, or whose client went away. Default false. */
  readonly skipFailedRequests?: boolean | undefined
  /** Whether a finished response is a success. Default: a status below 400. */
  readonly requestWasSuccessful?: ((req: Req, res: Res) => MaybePromise<boolean>) | undefined
  /** Answers refused requests instead of `message`. */
  readonly handler?: Handler | undefined
  /** What a refused request is answered with: text, something for JSON, or a function that makes one of them. */
  readonly message?: unknown
  /** Status of a refusal, from 400 to 599. Default 429. */
  readonly statusCode?: number | undefined
  /** Which draft of the IETF's headers is sent; `true` is `'draft-6'`, as ever. Default `'draft-8'`. */
  readonly standardHeaders?: boolean | Draft | undefined
  /** Whether `X-RateLimit-*` headers are sent. Default false. */
  readonly legacyHeaders?: boolean | undefined
  /** What the policy is called in `draft-8`: a text or a function that makes it. Default: such as `5-in-1min`. */
  readonly identifier?: string | ((req: Req, res: Res) => string) | undefined
  /** The property of a request that holds its `RateLimitInfo`. Default `'rateLimit'`. */
  readonly requestPropertyName?: string | undefined
  /** Which setups are looked for that would make the limit useless, and reported once. Default: all. */
  readonly validate?: boolean | { readonly [Check in RateLimitCheck | 'default']?: boolean } | undefined
}

/** Checked options. */
export interface RateSettings<Req, Res, Handler> {
  readonly limit: number
  readonly limitOf: ((req: Req, res: Res) => MaybePromise<number>) | undefined
  /** The limiter of a limit; those of functions are made as they are needed. */
  readonly open: (limit: number) => Limiter
  readonly given: Limiter | undefined
  /** Whether limiters are of whichever system is the default one. */
  readonly followsDefault: boolean
  readonly windowMs: number
  readonly keyGenerator: RateOptions<Req, Res, Handler>['keyGenerator']
  readonly ipv6Subnet: number | false
  /** Whether it was given. */
  readonly hasSubnet: boolean
  readonly skip: RateOptions<Req, Res, Handler>['skip']
  readonly skipSuccessful: boolean
  readonly skipFailed: boolean
  readonly wasSuccessful: RateOptions<Req, Res, Handler>['requestWasSuccessful']
  readonly handler: Handler | undefined
  /** The answer of a refusal, or who makes it. */
  readonly message: Answer | ((req: Req, res: Res) => unknown)
  readonly statusCode: number
  readonly draft: Draft | undefined
  readonly legacy: boolean
  readonly identifier: RateOptions<Req, Res, Handler>['identifier']
  readonly property: string
  readonly checks: ReadonlySet<RateLimitCheck>
}

/** What a limiter is made of; a given one has them already. */
const LIMITER = ['windowMs', 'limit', 'algorithm', 'burst', 'maxKeys', 'blockDurationMs', 'system'] as const
const NAMES = [
  ...LIMITER,
  'limiter',
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
] as const satisfies (keyof RateOptions<never, never, never>)[]

const DEFAULT_LIMIT = 5
const DEFAULT_WINDOW_MS = 60_000

/** Refuses what cannot be used, naming the field. */
export function rateSettings<Req, Res, Handler extends (...args: never[]) => unknown>(
  options: RateOptions<Req, Res, Handler> | undefined,
): RateSettings<Req, Res, Handler> {
  const given: RateOptions<Req, Res, Handler> = checkOptions('options', options)
  if (Object.hasOwn(given, 'max')) {
    throw new InvalidArgumentError('options.max', 'called limit here', (given as { max?: unknown }).max)
  }
  known('options', given, NAMES)
  const { limiter, limit } = given
  if (limiter !== undefined) checkGiven(limiter, given)
  if (given.system !== undefined) assertSystem('options.system', given.system)
  const windowMs = limiter?.windowMs ?? (given.windowMs === undefined ? DEFAULT_WINDOW_MS : given.windowMs)
  const settings: RateSettings<Req, Res, Handler> = {
    limit: limiter?.limit ?? (typeof limit === 'number' ? limit : DEFAULT_LIMIT),
    limitOf: limit === undefined || typeof limit === 'number' ? undefined : callable('options.limit', limit),
    open: opener(given, windowMs),
    given: limiter,
    followsDefault: limiter === undefined && given.system === undefined,
    windowMs,
    keyGenerator: optionalCallable('options.keyGenerator', given.keyGenerator),
    ipv6Subnet: subnetOf('options.ipv6Subnet', given.ipv6Subnet),
    hasSubnet: given.ipv6Subnet !== undefined,
    skip: optionalCallable('options.skip', given.skip),
    skipSuccessful: flag('options.skipSuccessfulRequests', false, given.skipSuccessfulRequests),
    skipFailed: flag('options.skipFailedRequests', false, given.skipFailedRequests),
    wasSuccessful: optionalCallable('options.requestWasSuccessful', given.requestWasSuccessful),
    handler: optionalCallable('options.handler', given.handler),
    message: messageOf(given.message),
    statusCode: given.statusCode === undefined ? 429 : integer('options.statusCode', 400, 599, given.statusCode),
    draft: draftOf(given.standardHeaders),
    legacy: flag('options.legacyHeaders', false, given.legacyHeaders),
    identifier:
      typeof given.identifier === 'function' ? given.identifier : optionalText('identifier', given.identifier),
    property: optionalText('requestPropertyName', given.requestPropertyName) ?? 'rateLimit',
    checks: checksOf(given.validate),
  }
  if (settings.limitOf !== undefined && given.burst !== undefined) {
    throw new InvalidArgumentError('options.burst', 'left out beside a limit that is a function', given.burst)
  }
  return settings
}

type Made = Pick<RateOptions<never, never, never>, Exclude<(typeof LIMITER)[number], 'limit'>> & {
  readonly limit?: unknown
}

function checkGiven(limiter: unknown, given: Made): void {
  if (!isA(limiter, Limiter)) throw new InvalidArgumentError('options.limiter', 'a Limiter', limiter)
  const beside = LIMITER.find((name) => given[name] !== undefined)
  if (beside === undefined) return
  throw new InvalidArgumentError(`options.${beside}`, 'left out beside options.limiter', given[beside])
}

/** Makes limiters; what a Limiter refuses is named as it is called here. */
function opener(given: Made, windowMs: number): (limit: number) => Limiter {
  const { algorithm, burst, maxKeys, blockDurationMs, system } = given
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

function messageOf<Req, Res>(value: unknown): Answer | ((req: Req, res: Res) => unknown) {
  if (value === undefined) return USUAL_ANSWER
  if (typeof value === 'function') return value as (req: Req, res: Res) => unknown
  return answerOf('options.message', value)
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
