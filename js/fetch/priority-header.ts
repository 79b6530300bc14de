import { type TierSettings, tierPriority } from '../http/admission/priority-header.ts'
import type { PlatformContext } from './middleware.ts'
import { addressOf } from './platform-address.ts'

/** Options of {@link priorityFromHeader}. */
export interface TierOptions extends TierSettings {
  /**
   * The peers whose headers count: their addresses and networks (`'10.0.0.0/8'`), where the platform tells addresses, or
   * a function that returns true for their requests. Default: none, because anybody could claim to be critical.
   */
  readonly trust?: readonly string[] | ((request: Request, context: PlatformContext) => boolean) | undefined
}

/**
 * Returns a `priority` function for `admission()`. It maps a header of trusted peers to the voltage of a tier:
 * critical, high, normal, low, bulk or background. Any other value counts as not sent.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(admission({ priority: priorityFromHeader({ trust: ['10.0.0.0/8', '::1'] }) }))
 * ```
 */
export function priorityFromHeader(options?: TierOptions): (request: Request, context: unknown) => number {
  return tierPriority<[request: Request, context: unknown]>(options, {
    headerOf: (name, request) => request.headers.get(name),
    addressOf,
  })
}
