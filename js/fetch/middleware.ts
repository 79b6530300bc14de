/** Middlewares around fetch-style handlers, and in Hono. */
import type { FrameworkAdapter, Next } from '../http/framework-adapter.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { fieldOf } from '../internal/validate.ts'
import { Exchange } from './exchange.ts'

/** A context of Hono, as far as the middlewares use it. */
export interface HonoContext {
  /** Its request, which holds the platform's. */
  readonly req: { readonly raw: Request }
  /** The response, once there is one. */
  res: Response
}

/**
 * What the platform passes beside the request: the `env` or `info` of a handler, or the context of Hono. Annotate a
 * parameter with the type that it has there.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- each platform passes another, and only your program knows which
export type PlatformContext = any

/**
 * A middleware for fetch-style handlers. Call it with a handler to get the handler around it, or use it in Hono, as
 * `app.use(middleware)`.
 */
export interface FetchMiddleware {
  /** Returns a handler that runs another behind the middleware. Further arguments are passed on. */
  <Rest extends unknown[]>(
    handler: (request: Request, ...rest: Rest) => Response | PromiseLike<Response>,
  ): (request: Request, ...rest: Rest) => Promise<Response>
  /** Runs as a middleware of Hono. */
  (context: HonoContext, next: () => Promise<void>): Promise<Response | void>
}

type Receive = (exchange: Exchange, same: Exchange, next: Next) => void
type Answer = Response | undefined

const exchanges = new WeakMap<Request, Exchange>()

/** Returns the exchange of a request that a middleware has seen. Takes a context of Hono, too. */
export function exchangeOf(request: unknown): Exchange | undefined {
  const raw = fieldOf(fieldOf(request, 'req'), 'raw') ?? request
  return typeof raw === 'object' && raw !== null ? exchanges.get(raw as Request) : undefined
}

/** Adapts exchanges for one middleware. */
export class FetchAdapter implements FrameworkAdapter<Exchange, Exchange> {
  /** By request: how the middleware answers. */
  readonly #answers = new WeakMap<Exchange, (answer: Response) => void>()

  /** Returns the middleware in both of its forms. */
  middleware(receive: Receive): FetchMiddleware {
    return ((first: unknown, next?: () => Promise<void>) => {
      if (typeof first === 'function') return this.#around(first as FetchHandler, receive)
      return this.#inHono(first as HonoContext, next as () => Promise<void>, receive)
    }) as FetchMiddleware
  }

  /** Lets a user's handler answer a refused request. What it throws or rejects with goes to the platform. */
  async answer(exchange: Exchange, handle: () => unknown): Promise<void> {
    const answer = await handle()
    if (!(answer instanceof Response)) throw new InvalidArgumentError('handler(request)', 'a Response', answer)
    this.#answers.get(exchange)?.(answer)
  }

  readonly request = (exchange: Exchange): Exchange['incoming'] => exchange.incoming
  readonly response = (exchange: Exchange): Exchange['outgoing'] => exchange.outgoing
  readonly clientIp = (exchange: Exchange): string | undefined => exchange.address
  // No proxy is trusted: nobody can tell which ones there are.
  readonly clientIpFrom = (_: Exchange, peer: string): string => peer
  readonly drop = (exchange: Exchange): void => this.#answers.get(exchange)?.(exchange.dropped())

  readonly send = (_: Exchange, exchange: Exchange, status: number, contentType: string, body: string): void => {
    this.#answers.get(exchange)?.(new Response(body, { status, headers: { 'Content-Type': contentType } }))
  }

  #around(handler: FetchHandler, receive: Receive): FetchHandler {
    return async (request, ...rest) => {
      const [exchange, isOuter] = enter(request, rest[0])
      return await this.#run(exchange, isOuter, receive, () => handler(request, ...rest))
    }
  }

  async #inHono(context: HonoContext, next: () => Promise<void>, receive: Receive): Promise<Answer> {
    const [exchange, isOuter] = enter(context.req.raw, context)
    let isPassed = false
    const answer = await this.#run(exchange, isOuter, receive, async () => {
      isPassed = true
      await next()
      return context.res
    })
    if (!isPassed) return answer
    if (answer !== context.res) {
      // Hono adds the headers of the response before to a new one, which has them already.
      ;(context as { res: Answer }).res = undefined
      context.res = answer
    }
    return undefined
  }

  async #run(
    exchange: Exchange,
    isOuter: boolean,
    receive: Receive,
    handle: () => Response | PromiseLike<Response>,
  ): Promise<Response> {
    try {
      const answer = await new Promise<Response>((resolve, reject) => {
        this.#answers.set(exchange, resolve)
        receive(exchange, exchange, (failure) => {
          if (failure !== undefined) return reject(failure as Error)
          // A handler may throw instead of rejecting.
          return resolve(Promise.resolve().then(handle))
        })
      })
      return isOuter ? exchange.complete(answer) : answer
    } catch (error) {
      if (isOuter) exchange.fail()
      throw error
    }
  }
}

type FetchHandler = (request: Request, ...rest: unknown[]) => Response | PromiseLike<Response>

/** Returns the exchange of a request, and whether it is new: the middleware that made it completes it. */
function enter(request: Request, context: unknown): [exchange: Exchange, isOuter: boolean] {
  const before = exchanges.get(request)
  if (before !== undefined) return [before, false]
  const exchange = new Exchange(request, context)
  exchanges.set(request, exchange)
  return [exchange, true]
}

/** Returns a user's function of request and context as one of exchanges; anything else as it is, to be refused. */
export function fromRequest<F>(callback: F): F {
  if (typeof callback !== 'function') return callback
  const call = callback as unknown as (request: Request, context: unknown, more: unknown) => unknown
  return ((exchange: Exchange, more: unknown) => call(exchange.request, exchange.context, more)) as unknown as F
}

/** Returns a user's function of request and response as one of exchanges; anything else as it is, to be refused. */
export function fromResponse<F>(callback: F): F {
  if (typeof callback !== 'function') return callback
  const call = callback as unknown as (request: Request, response: Response | undefined) => unknown
  return ((exchange: Exchange) => call(exchange.request, exchange.answer)) as unknown as F
}

/** Returns options with their functions translated: `early` ones get the context, `late` ones the response. */
export function translated<Options extends object>(
  options: Options,
  early: readonly (keyof Options)[],
  late: readonly (keyof Options)[],
): Options {
  const copy = { ...options }
  for (const name of early) if (copy[name] !== undefined) copy[name] = fromRequest(copy[name])
  for (const name of late) if (copy[name] !== undefined) copy[name] = fromResponse(copy[name])
  return copy
}
