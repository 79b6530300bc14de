/** The addresses of clients, as the platforms of fetch-style handlers tell them. */

/** What platforms pass beside a request, as far as it tells an address. */
interface AddressSource {
  /** Deno. */
  readonly remoteAddr?: { readonly hostname?: unknown } | undefined
  /** Bun. */
  readonly requestIP?: ((request: Request) => { readonly address?: unknown } | null) | undefined
  /** `@hono/node-server`. */
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: unknown } | undefined } | undefined
  /** Hono passes on what its own platform passes. */
  readonly env?: unknown
}

/** Returns the address of the connection; `undefined` where the platform does not tell it. */
export function addressOf(request: Request, context: unknown): string | undefined {
  const address = read(request, context) ?? read(request, (context as AddressSource | undefined | null)?.env)
  return typeof address === 'string' ? address : undefined
}

function read(request: Request, context: unknown): unknown {
  if (typeof context !== 'object' || context === null) return undefined
  try {
    const platform = context as AddressSource
    if (typeof platform.requestIP === 'function') return platform.requestIP(request)?.address
    return platform.remoteAddr?.hostname ?? platform.incoming?.socket?.remoteAddress
  } catch {
    // What is no platform's context may throw whatever it likes.
    return undefined
  }
}
