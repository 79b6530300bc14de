import { BlockList, isIP } from 'node:net'

import { isList, known, options as checkOptions, text } from '../../internal/validate.ts'
import { type Priority, voltageOf } from '../../atrion/priority.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'

/** What is read of a request: Express's, Fastify's (its `raw`) and Node's have it. */
export interface TieredRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined
  readonly raw?: { readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined } | undefined
}

/** Options of {@link priorityFromHeader}. */
export interface TierOptions<Req extends TieredRequest = TieredRequest> {
  /**
   * Whose headers count: addresses and networks (`'10.0.0.0/8'`) of the peer that holds the connection, or a function
   * that knows. Default: nobody's, because anybody could call himself critical.
   */
  readonly trust?: readonly string[] | ((req: Req) => boolean) | undefined
  /** The header with the name of a tier. Default `'x-atrion-tier'`. */
  readonly header?: string | undefined
  /** The most a header can claim. Default `'critical'`. */
  readonly ceiling?: Priority | number | undefined
  /** For requests without a header that counts. Default `'normal'`. */
  readonly otherwise?: Priority | number | undefined
}

const TIERS: readonly string[] = ['critical', 'high', 'normal', 'low', 'bulk', 'background'] satisfies Priority[]

/**
 * A `priority` for `admission()` that maps a header of trusted peers to a voltage tier: critical, high, normal, low, bulk.
 * What is no tier counts as not sent.
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
  const given = checkOptions('options', options)
  known('options', given, ['trust', 'header', 'ceiling', 'otherwise'])
  const header = given.header === undefined ? 'x-atrion-tier' : text('options.header', given.header).toLowerCase()
  const ceiling = voltageOf('options.ceiling', given.ceiling ?? 'critical')
  const otherwise = voltageOf('options.otherwise', given.otherwise)
  const trusted = truster<Req>(given.trust)
  return (req) => {
    const tier = req.headers[header]
    if (typeof tier !== 'string' || !TIERS.includes(tier) || !trusted(req)) return otherwise
    return Math.min(voltageOf('tier', tier as Priority), ceiling)
  }
}

function truster<Req extends TieredRequest>(trust: TierOptions<Req>['trust']): (req: Req) => boolean {
  if (trust === undefined) return () => false
  if (typeof trust === 'function') return (req) => trust(req) === true
  if (!isList(trust)) {
    throw new InvalidArgumentError('options.trust', 'an array of addresses and networks, or a function', trust)
  }
  const peers = new BlockList()
  for (const [index, peer] of trust.entries()) add(peers, `options.trust[${index}]`, peer)
  return (req) => {
    const address = (req.socket ?? req.raw?.socket)?.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '')
    const family = address === undefined ? 0 : isIP(address)
    return family !== 0 && peers.check(address as string, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function add(peers: BlockList, field: string, peer: unknown): void {
  const [address = '', bits, ...rest] = text(field, peer).split('/')
  const family = isIP(address)
  const prefix = bits === undefined || /^\d{1,3}$/.test(bits) ? Number(bits ?? (family === 4 ? 32 : 128)) : NaN
  if (family === 0 || rest.length > 0 || !(prefix <= (family === 4 ? 32 : 128))) {
    throw new InvalidArgumentError(field, "an address or a network such as '10.0.0.0/8'", peer)
  }
  peers.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
}
