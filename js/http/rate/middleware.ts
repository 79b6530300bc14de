import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { callOut } from '../../internal/report-error.ts'
import { Limiter } from '../../rate/limiter.ts'
import type { LimiterUnionResult, RateLimitResult } from '../../rate/types.ts'
import type { LimiterUnion, UnionMember } from '../../rate/union.ts'
import type { System } from '../../system/system.ts'
import { ipKeyGenerator } from '../client-address.ts'
import type { FrameworkAdapter, Next } from '../framework-adapter.ts'
import { storedKey } from '../key-digest.ts'
import { prepareRejection } from '../rejection.ts'
import { isOver, onResponseEnd } from '../response-end.ts'
import { call, callSync, chain, forwardError } from '../user-callbacks.ts'
import { SetupChecks } from './checks.ts'
import { QuotaHeaders } from './headers.ts'
import { RateLimitInfo } from './info.ts'
import type { RateLimitSettings } from './options.ts'
import { DEFAULT_BODY, rejectionBody, type RejectionBody } from './rejection-body.ts'
import { type HttpRateLimitStore, openStore, resultOf } from './store.ts'

/** A framework, as far as a rate limit uses it. */
export interface RateLimitAdapter<Req, Res, Handler> extends FrameworkAdapter<Req, Res> {
  /** Lets a user's handler answer a refused request. */
  handle(handler: Handler, req: Req, res: Res, next: Next, info: RateLimitInfo): unknown
}

/** What counts the requests of a key: a limiter, a union of limiters, or a store. */
interface RequestQuota {
  readonly system: System
  /** The limit and the window of each limiter. */
  readonly windows: readonly Pick<UnionMember, 'limit' | 'maxRequests' | 'windowMs'>[]
  /** Gives a request of a key back. */
  reward(key: string): void
}

/** Most limits that the option `limit` may return; each has keys of its own. */
const MAX_LIMITS = 64
const UNKNOWN = 'unknown'

/**
 * The rate-limit middleware of every framework.
 *
 * No failure of this code, and none of a user's function, breaks a request. It is reported, and the function counts as
 * if it were not given.
 */
export class HttpRateLimitMiddleware<Req, Res, Handler> {
  readonly #settings: RateLimitSettings<Req, Res, Handler>
  readonly #adapter: RateLimitAdapter<Req, Res, Handler>
  readonly #headers: QuotaHeaders[] = []
  readonly #checks: SetupChecks<Req, Res>
  readonly #limiters = new Map<number, Limiter | LimiterUnion>()
  readonly #storeQuota: RequestQuota | undefined
  #system: System
  #hasReportedClosed = false

  constructor(settings: RateLimitSettings<Req, Res, Handler>, adapter: RateLimitAdapter<Req, Res, Handler>) {
    this.#settings = settings
    this.#adapter = adapter
    if (settings.store === undefined) {
      const first = settings.limiter ?? settings.open(settings.limit)
      this.#system = first.system
      this.#limiters.set(settings.limit, first)
    } else {
      this.#system = settings.system
      openStore(settings.store, settings.windowMs, settings.limit)
      this.#storeQuota = this.#quotaOfStore(settings.store)
    }
    this.#checks = new SetupChecks(adapter, settings.checks, this.#report)
    this.#checks.checkOptions(settings.keyGenerator, settings.hasSubnet)
  }

  receive(req: Req, res: Res, next: Next): void {
    const done = this.#receive(req, res, (error) => void next(error))
    // A rejection after an asynchronous function of the user's is an error of this code, or comes from `next`.
    if (done instanceof Promise) done.then(undefined, next)
  }

  /** Forgets a key, in each of the limits. */
  resetKey(key: string): void {
    const { store } = this.#settings
    if (store !== undefined)
      void this.#call(
        'store.resetKey',
        () => store.resetKey(storedKey(key)),
        () => undefined,
      )
    for (const limiter of this.#limiters.values()) limiter.reset(storedKey(key))
  }

  /** Returns the quota of a key; `undefined` for an unknown key, and beside a store. */
  getKey(key: string): RateLimitInfo | undefined {
    const stored = storedKey(key)
    const limiter = [...this.#limiters.values()].find((candidate) => !candidate.closed && candidate.knows(stored))
    if (limiter === undefined) return undefined
    return new RateLimitInfo(stored, limiter.check(stored), limiter.system, limiter.system.clock.monoMs())
  }

  #receive(req: Req, res: Res, next: Next): void | Promise<void> {
    const { skip, limitOf } = this.#settings
    const skips = skip !== undefined && this.#call('skip', () => skip(req, res), Boolean)
    return chain(skips, (isSkipped) => {
      if (isSkipped === true) return next()
      return chain(this.#keyOf(req, res), (key) => {
        const { store } = this.#settings
        if (store !== undefined) return this.#countInStore(req, res, next, key, store)
        const usual = this.#limiterOf(this.#settings.limit)
        if (limitOf === undefined) return this.#count(req, res, next, key, usual)
        const chosen = this.#call('limit', () => limitOf(req, res), this.#limiterOf)
        return chain(chosen, (limiter) => this.#count(req, res, next, key, limiter ?? usual))
      })
    })
  }

  #keyOf(req: Req, res: Res): string | Promise<string> {
    const { keyGenerator } = this.#settings
    if (keyGenerator === undefined) return this.#addressOf(req)
    const generated = this.#call('keyGenerator', () => keyGenerator(req, res), checkedKey)
    return chain(generated, (key) => key ?? this.#addressOf(req))
  }

  #addressOf(req: Req): string {
    this.#checks.checkRequest(req)
    const ip = this.#adapter.clientIp(req)
    return ip === undefined ? UNKNOWN : storedKey(ipKeyGenerator(ip, this.#settings.ipv6Subnet))
  }

  #count(req: Req, res: Res, next: Next, key: string, limiter: Limiter | LimiterUnion): void | Promise<void> {
    if (limiter.closed) return this.#passUnlimited(next)
    if (this.#isOver(req, res)) return this.#leave(req, res, next)
    const windows = limiter instanceof Limiter ? [limiter] : limiter.members
    const reward = (of: string): void => {
      if (!limiter.closed) limiter.reward(of)
    }
    return this.#decide(req, res, next, key, limiter.take(key), { system: limiter.system, windows, reward })
  }

  #countInStore(req: Req, res: Res, next: Next, key: string, store: HttpRateLimitStore): void | Promise<void> {
    const { limit, windowMs } = this.#settings
    if (this.#isOver(req, res)) return this.#leave(req, res, next)
    const check = (answer: unknown): RateLimitResult =>
      resultOf(answer, limit, windowMs, this.#system.clock.now().wallMs)
    const counted = this.#call('store.increment', () => store.increment(key), check)
    return chain<RateLimitResult | undefined, void>(counted, (result) => {
      // What a store cannot count passes.
      if (result === undefined) return next()
      if (this.#isOver(req, res)) return this.#leave(req, res, next)
      return this.#decide(req, res, next, key, result, this.#storeQuota as RequestQuota)
    })
  }

  #quotaOfStore(store: HttpRateLimitStore): RequestQuota {
    const { limit, windowMs } = this.#settings
    const reward = (key: string): void => {
      void this.#call(
        'store.decrement',
        () => store.decrement(key),
        () => undefined,
      )
    }
    return { system: this.#system, windows: [{ limit, maxRequests: limit, windowMs }], reward }
  }

  /** The request may be over before it gets here: it was answered, or its client has left and is not served. */
  #isOver(req: Req, res: Res): boolean {
    return isOver(this.#adapter.request(req), this.#adapter.response(res))
  }

  /** Goes on with a request that is over: it was answered, or nobody waits for an answer. */
  #leave(req: Req, res: Res, next: Next): void | Promise<void> {
    return this.#adapter.response(res).headersSent ? next() : this.#adapter.drop?.(req, res)
  }

  #decide(
    req: Req,
    res: Res,
    next: Next,
    key: string,
    result: RateLimitResult,
    quota: RequestQuota,
  ): void | Promise<void> {
    const { system } = quota
    const info = new RateLimitInfo(key, result, system, system.clock.monoMs())
    ;(req as Record<string, unknown>)[this.#settings.property] = info
    if (!this.#adapter.response(res).headersSent) this.#setHeaders(req, res, info, result, quota)
    if (!result.allowed) return this.#refuse(req, res, next, info)
    const { skipSuccessful, skipFailed } = this.#settings
    if (skipSuccessful || skipFailed) this.#rewardAtEnd(req, res, key, quota)
    return next()
  }

  /** Gives back what a request took when its response ends as one that does not count. */
  #rewardAtEnd(req: Req, res: Res, key: string, quota: RequestQuota): void {
    const { skipSuccessful, skipFailed, wasSuccessful } = this.#settings
    const response = this.#adapter.response(res)
    const reward = (isSuccess: boolean): void => {
      if (isSuccess ? skipSuccessful : skipFailed) quota.reward(key)
    }
    onResponseEnd(this.#adapter.request(req), response, (isEnded) => {
      if (!isEnded) return reward(false)
      const judged = wasSuccessful && this.#call('requestWasSuccessful', () => wasSuccessful(req, res), Boolean)
      void chain(judged, (isSuccess) => reward(isSuccess ?? response.statusCode < 400))
    })
  }

  #setHeaders(req: Req, res: Res, info: RateLimitInfo, result: RateLimitResult, quota: RequestQuota): void {
    const { draft, legacy, identifier } = this.#settings
    if (draft === undefined && !legacy) return
    const name =
      typeof identifier === 'function'
        ? callSync('rateLimit', 'identifier', () => identifier(req, res), checkedName, this.#report)
        : identifier
    const { windows, system } = quota
    const wallMs = (): number => system.clock.now().wallMs
    const response = this.#adapter.response(res)
    if (windows.length === 1) {
      this.#headersOf(0, quota).set(response, info, (windows[0] as UnionMember).maxRequests, name, wallMs)
      return
    }
    const { results } = result as LimiterUnionResult
    // Other drafts and the older headers have room for one policy: the one with the least left.
    const tightest = results.findIndex(({ limit, remaining }) => limit === info.limit && remaining === info.remaining)
    for (const [index, { resetMs, remaining, limit }] of results.entries()) {
      if (draft !== 'draft-8' && index !== tightest) continue
      const policy = name === undefined ? undefined : `${name}-${index + 1}`
      const state = { limit, remaining, resetMs, key: info.key }
      this.#headersOf(index, quota).set(
        response,
        state,
        (windows[index] as UnionMember).maxRequests,
        policy,
        wallMs,
        index === tightest,
      )
    }
  }

  #headersOf(index: number, quota: RequestQuota): QuotaHeaders {
    const { draft, legacy } = this.#settings
    return (this.#headers[index] ??= new QuotaHeaders(draft, legacy, (quota.windows[index] as UnionMember).windowMs))
  }

  #refuse(req: Req, res: Res, next: Next, info: RateLimitInfo): void | Promise<void> {
    const response = this.#adapter.response(res)
    // The request is being answered already, so there is nothing to refuse.
    if (response.headersSent) return next()
    prepareRejection(this.#adapter.request(req), response, info.retryAfterMs, this.#system.clock)
    const { handler, message, statusCode } = this.#settings
    if (handler !== undefined) {
      return callOut(() => this.#adapter.handle(handler, req, res, next, info), forwardError(next))
    }
    const answer = typeof message === 'function' ? this.#call('message', () => message(req, res), checkedBody) : message
    return chain<RejectionBody | undefined, void>(answer, ({ type, body } = DEFAULT_BODY) => {
      if (!response.headersSent) this.#adapter.send(req, res, statusCode, type, body)
    })
  }

  /** Lets a request through a closed limiter, which counts nothing. Reports that once. */
  #passUnlimited(next: Next): void {
    if (!this.#hasReportedClosed) {
      this.#report(new ClosedError('the rate limiter'), 'rateLimit: requests pass unlimited')
    }
    this.#hasReportedClosed = true
    next()
  }

  /**
   * Returns the limiter of a limit. After the default system was closed there is a new one, with limiters of its own.
   */
  readonly #limiterOf = (limit: unknown): Limiter | LimiterUnion => {
    const known = this.#limiters.get(limit as number)
    const { open, followsDefault } = this.#settings
    if (known !== undefined && !(known.closed && followsDefault)) return known
    if (known === undefined && this.#limiters.size >= MAX_LIMITS) {
      throw new InvalidArgumentError('limit(req)', `one of at most ${MAX_LIMITS} numbers`, limit)
    }
    const limiter = open(limit as number)
    this.#system = limiter.system
    this.#limiters.set(limit as number, limiter)
    return limiter
  }

  #call<T>(
    name: string,
    callback: () => unknown,
    check: (answer: unknown) => T,
  ): T | undefined | Promise<T | undefined> {
    return call('rateLimit', name, callback, check, this.#report)
  }

  readonly #report = (error: unknown, origin: string): void => this.#system.report(error, origin)
}

const checkedBody = (answer: unknown): RejectionBody => rejectionBody('message(req)', answer)

function checkedKey(key: unknown): string {
  if (typeof key === 'string') return storedKey(key)
  throw new InvalidArgumentError('keyGenerator(req)', 'a string', key)
}

function checkedName(name: unknown): string {
  if (typeof name === 'string') return name
  throw new InvalidArgumentError('identifier(req)', 'a string', name)
}
