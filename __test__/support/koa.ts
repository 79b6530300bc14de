import Koa3 from 'koa'
// @ts-expect-error: an alias of the older version, which has no types of its own here.
import Koa2 from 'koa2'

export type KoaModule = typeof Koa3

/** Both versions of Koa that the middlewares support. */
export const koas: readonly [string, KoaModule][] = [
  ['Koa 3', Koa3],
  ['Koa 2', Koa2 as KoaModule],
]

/** Creates an app that prints nothing about the errors of its handlers. */
export function koaApp(Koa: KoaModule, options?: ConstructorParameters<KoaModule>[0]): InstanceType<KoaModule> {
  const app = new Koa(options)
  app.silent = true
  return app
}
