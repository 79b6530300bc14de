import type { Request, RequestHandler } from 'express'

import { MAX_GATE_NAME } from '../http/admission/options.ts'

/** A matched route, as Express 4 and 5 have it. */
interface ExpressRoute {
  readonly path: unknown
  readonly stack: readonly { readonly handle: unknown }[]
}

/** The name of a route's gate, and whether the middleware is mounted on the route. */
interface RouteName {
  readonly name: string
  readonly isMounted: boolean
}

/**
 * The names of a middleware's gates. A name is a pattern of the program, never the path a client asked for, so there
 * are as many as the program has mounts.
 */
export class GateNames {
  readonly #middleware: RequestHandler
  readonly #routes = new WeakMap<ExpressRoute, RouteName>()
  #own: string | undefined

  constructor(middleware: RequestHandler) {
    this.#middleware = middleware
  }

  /** Returns the name of the gate for a request. */
  of(req: Request): string {
    const route = req.route as ExpressRoute | undefined
    if (route === undefined) return (this.#own ??= mountOf(req) || 'app')
    let named = this.#routes.get(route)
    if (named === undefined) {
      named = this.#nameOn(route, req)
      this.#routes.set(route, named)
    }
    // `req.route` stays set when a route passes a request on to this middleware on the app. But tracing wraps handlers,
    // so a middleware that never ran without a route is taken to be mounted on one.
    return named.isMounted ? named.name : (this.#own ?? named.name)
  }

  #nameOn(route: ExpressRoute, req: Request): RouteName {
    return {
      name: `${mountOf(req)}${String(route.path)}`.slice(0, MAX_GATE_NAME) || '/',
      isMounted: route.stack.some(({ handle }) => handle === this.#middleware),
    }
  }
}

/** Returns the path at which the router is mounted, with the values of parameters replaced by their names. */
function mountOf(req: Request): string {
  const mount = (req.baseUrl as string | undefined) ?? ''
  if (mount === '') return ''
  const names = new Map(Object.entries(req.params ?? {}).map(([name, value]) => [value as unknown, name]))
  const segments = mount.split('/').map((segment) => {
    const name = names.get(segment) ?? names.get(decoded(segment))
    return name === undefined || segment === '' ? segment : `:${name}`
  })
  return segments.join('/').slice(0, MAX_GATE_NAME)
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
