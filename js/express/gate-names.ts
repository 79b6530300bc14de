import type { Request, RequestHandler } from 'express'

import { MAX_NAME } from '../http/admission/options.ts'

/** A matched route as both versions of Express make it. */
interface Route {
  readonly path: unknown
  readonly stack: readonly { readonly handle: unknown }[]
}

/** What is known of a route, once: whether the middleware is mounted on it, and its pattern. */
interface Place {
  readonly name: string
  readonly isHere: boolean
}

/**
 * The name of the gate a request stands at. As many names as the program's text has mounts: a pattern, never the path
 * a client asked for.
 */
export class GateNames {
  readonly #middleware: RequestHandler
  readonly #routes = new WeakMap<Route, Place>()
  #own: string | undefined

  constructor(middleware: RequestHandler) {
    this.#middleware = middleware
  }

  of(req: Request): string {
    const route = req.route as Route | undefined
    if (route === undefined) return (this.#own ??= mountOf(req) || 'app')
    let place = this.#routes.get(route)
    if (place === undefined) {
      place = this.#placeOn(route, req)
      this.#routes.set(route, place)
    }
    // `req.route` stays set when a route passes a request on, to where we are mounted on the app. But tracing wraps
    // handlers, so that a middleware that was never seen without a route is believed to be on it.
    return place.isHere ? place.name : (this.#own ?? place.name)
  }

  #placeOn(route: Route, req: Request): Place {
    return {
      name: `${mountOf(req)}${String(route.path)}`.slice(0, MAX_NAME) || '/',
      isHere: route.stack.some(({ handle }) => handle === this.#middleware),
    }
  }
}

/** Where the router is mounted, with the values of parameters replaced by their names. */
function mountOf(req: Request): string {
  const mount = (req.baseUrl as string | undefined) ?? ''
  if (mount === '') return ''
  const names = new Map(Object.entries(req.params ?? {}).map(([name, value]) => [value as unknown, name]))
  const segments = mount.split('/').map((segment) => {
    const name = names.get(segment) ?? names.get(decoded(segment))
    return name === undefined || segment === '' ? segment : `:${name}`
  })
  return segments.join('/').slice(0, MAX_NAME)
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
