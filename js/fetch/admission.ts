import type { Priority } from '../atrion/priority.ts'
import type { Shed } from '../atrion/types.ts'
import { HttpAdmissionMiddleware } from '../http/admission/middleware.ts'
import { admissionSettings, type HttpAdmissionOptions, MAX_GATE_NAME } from '../http/admission/options.ts'
import { options as checkOptions } from '../internal/validate.ts'
import type { Exchange } from './exchange.ts'
import { FetchAdapter, type FetchMiddleware, type PlatformContext, translated } from './middleware.ts'

/** Answers a request that was refused. What it throws or rejects with goes to the platform. */
export type ShedHandler = (request: Request, shed: Shed, context: PlatformContext) => Response | PromiseLike<Response>

/**
 * Options of {@link admission}. A function of yours that throws is reported, and counts as if it were not given.
 */
export interface AdmissionOptions extends Omit<
  HttpAdmissionOptions<never, never, ShedHandler>,
  'key' | 'priority' | 'skip' | 'isFailure' | 'onShed'
> {
  /**
   * Returns a key, such as a tenant or an API key, whose requests get a gate of their own. Default: one gate for all.
   */
  readonly key?: ((request: Request, context: PlatformContext) => string | undefined) | undefined
  /** The importance of a request: a priority, a voltage, or a function that returns one. Default `'normal'`. */
  readonly priority?:
    | Priority
    | number
    | ((request: Request, context: PlatformContext) => Priority | number | undefined)
    | undefined
  /** Returns true for requests that pass without being counted: health checks, endless streams. Default: none. */
  readonly skip?: ((request: Request, context: PlatformContext) => boolean) | undefined
  /** Returns whether a response counts as a failure. Default: a status of 500 or above does. */
  readonly isFailure?: ((request: Request, response: Response) => boolean) | undefined
  /** Called with each refusal, before it is answered. What it throws is reported. Default: none. */
  readonly onShed?: ((request: Request, shed: Shed) => void) | undefined
}

/**
 * Returns a gate in front of fetch-style handlers or a Hono app. It admits the requests that the work behind it can
 * answer in time, the more important first, and refuses the rest at once with a 503 and `Retry-After`.
 *
 * A request holds its place until the body of its response has ended or was cancelled. The gate's name is the pattern of
 * a route of Hono, or `'app'`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * export default { fetch: admission({ maxWaitMs: 500 })(async (request) => Response.json(await answer(request))) }
 * ```
 */
export function admission(options?: AdmissionOptions): FetchMiddleware {
  const opts = checkOptions('options', options)
  const { onShed } = opts
  const settings = admissionSettings<Exchange, Exchange, ShedHandler>({
    ...translated(opts, ['key', 'priority', 'skip'], ['isFailure']),
    ...(typeof onShed === 'function' && {
      onShed: ({ request }: Exchange, shed: Shed) => onShed(request, shed),
    }),
  } as HttpAdmissionOptions<Exchange, Exchange, ShedHandler>)
  const adapter = new FetchAdapter()
  const gate = new HttpAdmissionMiddleware<Exchange, Exchange, ShedHandler>(settings, {
    ...adapter,
    nameOf,
    handle: (handler, exchange, _, __, shed) =>
      adapter.answer(exchange, () => handler(exchange.request, shed, exchange.context)),
  })
  return adapter.middleware((exchange, same, next) => gate.receive(exchange, same, next))
}

/** Returns the pattern of Hono's route, where the gate stands at one; a pattern for everything counts as none. */
function nameOf({ context }: Exchange): string {
  try {
    const { routePath } = (context as { readonly req: { readonly routePath?: unknown } }).req
    if (typeof routePath === 'string' && routePath !== '*' && routePath !== '/*') {
      return routePath.slice(0, MAX_GATE_NAME) || 'app'
    }
  } catch {
    // It is no context of Hono.
  }
  return 'app'
}
