import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import type { Limiter } from '../../rate/limiter.ts'
import type { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { ipKeyGenerator } from '../client-address.ts'
import { after, ask, askAtOnce, failing } from '../user-callbacks.ts'
import { shortKey } from '../key-digest.ts'
import type { Face, Next } from '../framework-adapter.ts'
import { isOver, whenOver } from '../response-end.ts'
import { prepareRefusal } from '../rejection.ts'
import { type Answer, answerOf, USUAL_ANSWER } from './rejection-body.ts'
import { Checks } from './checks.ts'
import { QuotaHeaders } from './headers.ts'
import { RateLimitInfo } from './info.ts'
import type { RateSettings } from './options.ts'

/** What a rate limit has to know of a framework. */
export interface RateFace<Req, Res, Handler> extends Face<Req, Res> {
  /** Lets a handler of the user's answer. */
  handle(handler: Handler, req: Req, res: Res, next: Next, info: RateLimitInfo): unknown
}

/** Limits that a function may tell apart; each has keys of its own. */
const MOST_LIMITS = 64
const UNKNOWN = 'unknown'

/**
 * What stands behind a rate limit. Its rule: no failure of ours, and none of a function that the user gave us, breaks
 * a request. It is reported, and the function counts as if it were not given.
 */
export class Meter<Req, Res, Handler> {
  readonly #settings: RateSettings<Req, Res, Handler>
  readonly #face: RateFace<Req, Res, Handler>
  readonly #headers: QuotaHeaders
  readonly #checks: Checks<Req, Res>
  readonly #limiters = new Map<number, Limiter>()
  #system: System
  #toldClosed = false

  constructor(settings: RateSettings<Req, Res, Handler>, face: RateFace<Req, Res, Handler>) {
    this.#settings = settings
    this.#face = face
    const first = settings.given ?? settings.open(settings.limit)
    this.#system = first.system
    this.#limiters.set(settings.limit, first)
    this.#headers = new QuotaHeaders(settings.draft, settings.legacy, settings.windowMs)
    this.#checks = new Checks(face, settings.checks, this.#report)
    this.#checks.options(settings.keyGenerator, settings.hasSubnet)
  }

  receive(req: Req, res: Res, next: Next): void {
    const done = this.#receive(req, res, (error) => void next(error))
    // What a step that had to wait for a function of the user's throws is a fault of ours, or comes from `next`.
    if (done instanceof Promise) done.then(undefined, next)
  }

  /** Forgets a key, in each of the limits. */
  resetKey(key: string): void {
    for (const limiter of this.#limiters.values()) limiter.reset(shortKey(key))
  }

  /** What a key has, if it is known. */
  getKey(key: string): RateLimitInfo | undefined {
    const own = shortKey(key)
    const limiter = [...this.#limiters.values()].find((one) => !one.closed && one.knows(own))
    if (limiter === undefined) return undefined
    return new RateLimitInfo(own, limiter.check(own), limiter.system, limiter.system.clock.monoMs())
  }

  #receive(req: Req, res: Res, next: Next): void | Promise<void> {
    const { skip, limitOf } = this.#settings
    const skips = skip !== undefined && this.#ask('skip', () => skip(req, res), Boolean)
    return after(skips, (isSkipped) => {
      if (isSkipped === true) return next()
      return after(this.#keyOf(req, res), (key) => {
        const usual = this.#limiterOf(this.#settings.limit)
        if (limitOf === undefined) return this.#count(req, res, next, key, usual)
        const asked = this.#ask('limit', () => limitOf(req, res), this.#limiterOf)
        return after(asked, (limiter) => this.#count(req, res, next, key, limiter ?? usual))
      })
    })
  }

  #keyOf(req: Req, res: Res): string | Promise<string> {
    const { keyGenerator } = this.#settings
    if (keyGenerator === undefined) return this.#address(req)
    const key = this.#ask('keyGenerator', () => keyGenerator(req, res), checkedKey)
    return after(key, (given) => given ?? this.#address(req))
  }

  #address(req: Req): string {
    this.#checks.request(req)
    const ip = this.#face.ip(req)
    return ip === undefined ? UNKNOWN : shortKey(ipKeyGenerator(ip, this.#settings.ipv6Subnet))
  }

  #count(req: Req, res: Res, next: Next, key: string, limiter: Limiter): void | Promise<void> {
    if (limiter.closed) return this.#pass(next)
    const response = this.#face.response(res)
    // Over before it came to us: answered by somebody else, or its client has gone, and then nobody is served.
    if (isOver(this.#face.request(req), response)) return response.headersSent ? next() : undefined
    const result = limiter.take(key)
    const { system } = limiter
    const info = new RateLimitInfo(key, result, system, system.clock.monoMs())
    ;(req as Record<string, unknown>)[this.#settings.property] = info
    if (!response.headersSent) this.#tell(req, res, info, limiter)
    if (!result.allowed) return this.#refuse(req, res, next, info)
    const { skipSuccessful, skipFailed } = this.#settings
    if (skipSuccessful || skipFailed) this.#follow(req, res, key, limiter)
    return next()
  }

  /** Gives back what a request took when its answer is one that does not count. */
  #follow(req: Req, res: Res, key: string, limiter: Limiter): void {
    const { skipSuccessful, skipFailed, wasSuccessful } = this.#settings
    const response = this.#face.response(res)
    const giveBack = (isSuccess: boolean): void => {
      if (limiter.closed || !(isSuccess ? skipSuccessful : skipFailed)) return
      limiter.reward(key)
    }
    whenOver(this.#face.request(req), response, (isEnded) => {
      if (!isEnded) return giveBack(false)
      const asked = wasSuccessful && this.#ask('requestWasSuccessful', () => wasSuccessful(req, res), Boolean)
      void after(asked, (answer) => giveBack(answer ?? response.statusCode < 400))
    })
  }

  #tell(req: Req, res: Res, info: RateLimitInfo, limiter: Limiter): void {
    const { draft, legacy, identifier } = this.#settings
    if (draft === undefined && !legacy) return
    const name =
      typeof identifier === 'function'
        ? askAtOnce('rateLimit', 'identifier', () => identifier(req, res), checkedName, this.#report)
        : identifier
    const { maxRequests, system } = limiter
    this.#headers.set(this.#face.response(res), info, maxRequests, name, () => system.clock.now().wallMs)
  }

  #refuse(req: Req, res: Res, next: Next, info: RateLimitInfo): void | Promise<void> {
    const response = this.#face.response(res)
    // Somebody else is answering: there is nothing to refuse.
    if (response.headersSent) return next()
    prepareRefusal(this.#face.request(req), response, info.retryAfterMs, this.#system.clock)
    const { handler, message, statusCode } = this.#settings
    if (handler !== undefined) return this.#handle(handler, req, res, next, info)
    const answer =
      typeof message === 'function' ? this.#ask('message', () => message(req, res), checkedAnswer) : message
    return after<Answer | undefined, void>(answer, ({ type, body } = USUAL_ANSWER) => {
      if (!response.headersSent) this.#face.answer(req, res, statusCode, type, body)
    })
  }

  #handle(handler: Handler, req: Req, res: Res, next: Next, info: RateLimitInfo): void {
    try {
      promiseOf(this.#face.handle(handler, req, res, next, info))?.then(undefined, failing(next))
    } catch (error) {
      failing(next)(error)
    }
  }

  /** A closed limiter counts nothing. That is said once; requests are not to suffer from it. */
  #pass(next: Next): void {
    if (!this.#toldClosed) this.#report(new ClosedError('the rate limiter'), 'rateLimit: requests pass unlimited')
    this.#toldClosed = true
    next()
  }

  /** The limiter of a limit; after the default system was closed there is a new one, and limiters of it. */
  readonly #limiterOf = (limit: unknown): Limiter => {
    const known = this.#limiters.get(limit as number)
    const { open, followsDefault } = this.#settings
    if (known !== undefined && !(known.closed && followsDefault)) return known
    if (known === undefined && this.#limiters.size >= MOST_LIMITS) {
      throw new InvalidArgumentError('limit(req)', `one of at most ${MOST_LIMITS} numbers`, limit)
    }
    const limiter = open(limit as number)
    this.#system = limiter.system
    this.#limiters.set(limit as number, limiter)
    return limiter
  }

  #ask<T>(
    name: string,
    question: () => unknown,
    check: (answer: unknown) => T,
  ): T | undefined | Promise<T | undefined> {
    return ask('rateLimit', name, question, check, this.#report)
  }

  readonly #report = (error: unknown, origin: string): void => this.#system.report(error, origin)
}

const checkedAnswer = (answer: unknown): Answer => answerOf('message(req)', answer)

function checkedKey(key: unknown): string {
  if (typeof key === 'string') return shortKey(key)
  throw new InvalidArgumentError('keyGenerator(req)', 'a string', key)
}

function checkedName(name: unknown): string {
  if (typeof name === 'string') return name
  throw new InvalidArgumentError('identifier(req)', 'a string', name)
}
