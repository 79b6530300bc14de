import { BlockList, isIP } from 'node:net'

import { type Priority, voltageOf } from '../../atrion/priority.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { isList, known, options as checkOptions, text } from '../../internal/validate.ts'

/** A request, as far as {@link priorityFromHeader} reads it. Those of Express, Fastify and Node fit. */
export interface TieredRequest {
  /** The request's headers, by names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The connection, of a request of Express or Node. */
  readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined
  /** Node's own request, of a request of Fastify. */
  readonly raw?: { readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined } | undefined
}

/** Options of {@link priorityFromHeader}. */
export interface TierOptions<Req extends TieredRequest = TieredRequest> {
  /**
   * The peers whose headers count: their addresses and networks (`'10.0.0.0/8'`), or a function that returns true for
   * their requests. A peer is who holds the connection. Default: none, because anybody could claim to be critical.
   */
  readonly trust?: readonly string[] | ((req: Req) => boolean) | undefined
  /** The name of the header that holds the name of a tier. Default `'x-atrion-tier'`. */
  readonly header?: string | undefined
  /** The highest priority or voltage that a header can claim. Default `'critical'`. */
  readonly ceiling?: Priority | number | undefined
  /** The priority or voltage of requests without a header that counts. Default `'normal'`. */
  readonly otherwise?: Priority | number | undefined
}

const TIERS: readonly string[] = ['critical', 'high', 'normal', 'low', 'bulk', 'background'] satisfies Priority[]

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
export function priorityFromHeader<Req extends TieredRequest = TieredRequest>(
  options?: TierOptions<Req>,
): (req: Req) => number {
  const opts = checkOptions('options', options)
  known('options', opts, ['trust', 'header', 'ceiling', 'otherwise'])
  const header = opts.header === undefined ? 'x-atrion-tier' : text('options.header', opts.header).toLowerCase()
  const ceiling = voltageOf('options.ceiling', opts.ceiling ?? 'critical')
  const otherwise = voltageOf('options.otherwise', opts.otherwise)
  const isTrusted = trustPredicate<Req>(opts.trust)
  return (req) => {
    const tier = req.headers[header]
    if (typeof tier !== 'string' || !TIERS.includes(tier) || !isTrusted(req)) return otherwise
    return Math.min(voltageOf('tier', tier as Priority), ceiling)
  }
}

function trustPredicate<Req extends TieredRequest>(trust: TierOptions<Req>['trust']): (req: Req) => boolean {
  if (trust === undefined) return () => false
  if (typeof trust === 'function') return (req) => trust(req) === true
  if (!isList(trust)) {
    throw new InvalidArgumentError('options.trust', 'an array of addresses and networks, or a function', trust)
  }
  const peers = new BlockList()
  for (const [index, peer] of trust.entries()) addPeer(peers, `options.trust[${index}]`, peer)
  return (req) => {
    const address = (req.socket ?? req.raw?.socket)?.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '')
    const family = address === undefined ? 0 : isIP(address)
    return family !== 0 && peers.check(address as string, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function addPeer(peers: BlockList, field: string, peer: unknown): void {
  const [address = '', bits, ...rest] = text(field, peer).split('/')
  const family = isIP(address)
  const prefix = bits === undefined || /^\d{1,3}$/.test(bits) ? Number(bits ?? (family === 4 ? 32 : 128)) : NaN
  if (family === 0 || rest.length > 0 || !(prefix <= (family === 4 ? 32 : 128))) {
    throw new InvalidArgumentError(field, "an address or a network such as '10.0.0.0/8'", peer)
  }
  peers.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
}
