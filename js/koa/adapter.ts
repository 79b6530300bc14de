import type { Context, Next } from 'koa'

import type { FrameworkAdapter, Next as Proceed } from '../http/framework-adapter.ts'

/**
 * Koa's contexts, which wrap Node's own requests and responses, for one middleware. Its middlewares return promises; one
 * that is refused resolves without calling `next`.
 */
export class KoaAdapter implements FrameworkAdapter<Context, Context> {
  /** By request: how the middleware's promise ends, and what is behind the middleware. */
  readonly #runs = new WeakMap<Context, { readonly end: () => void; readonly next: Next }>()

  /** Runs a middleware that calls back, as Koa wants it. */
  run(ctx: Context, next: Next, receive: (ctx: Context, res: Context, next: Proceed) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#runs.set(ctx, { end: resolve, next })
      receive(ctx, ctx, (failure) => {
        if (failure === undefined) next().then(resolve, reject)
        else reject(failure as Error)
      })
    })
  }

  /** Lets a user's handler answer a refused request. What it throws or rejects with goes to Koa. */
  async answer(ctx: Context, handle: (next: Next) => unknown): Promise<void> {
    const run = this.#runs.get(ctx) as { end: () => void; next: Next }
    await handle(run.next)
    run.end()
  }

  readonly request = (ctx: Context): Context['req'] => ctx.req
  readonly response = (ctx: Context): Context['res'] => ctx.res
  readonly clientIp = (ctx: Context): string | undefined => (ctx.ip === '' ? undefined : ctx.ip)

  // `app.proxy` decides; the prototype of requests reads it from the app.
  readonly clientIpFrom = (ctx: Context, peer: string, forwardedFor: string): string | undefined => {
    const req = { headers: { 'x-forwarded-for': forwardedFor }, socket: { remoteAddress: peer } }
    const request = Object.create(ctx.app.request, {
      app: { value: ctx.app },
      req: { value: req },
    }) as Context['request']
    return request.ip
  }

  readonly drop = (ctx: Context): void => this.#runs.get(ctx)?.end()

  readonly send = (_: Context, ctx: Context, statusCode: number, contentType: string, body: string): void => {
    ctx.status = statusCode
    ctx.type = contentType
    ctx.body = body
    this.drop(ctx)
  }
}
