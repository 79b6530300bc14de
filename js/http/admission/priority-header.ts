import type { BlockList } from 'node:net'

import { builtin } from '../../internal/builtin.ts'
import { type Priority, voltageOf } from '../../atrion/priority.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { isList, known, options as checkOptions, text } from '../../internal/validate.ts'

/** A request, as far as {@link priorityFromHeader} reads it. Those of Express, Fastify, Koa and Node fit. */
export interface TieredRequest {
  /** The request's headers, by names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The connection, of a request of Express or Node. */
  readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined
  /** Node's own request, of a request of Fastify. */
  readonly raw?: { readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined } | undefined
  /** Node's own request, of a context of Koa. */
  readonly req?: { readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined } | undefined
}

/** Options of a `priorityFromHeader`, beside the peers that it trusts. */
export interface TierSettings {
  /** The name of the header that holds the name of a tier. Default `'x-atrion-tier'`. */
  readonly header?: string | undefined
  /** The highest priority or voltage that a header can claim. Default `'critical'`. */
  readonly ceiling?: Priority | number | undefined
  /** The priority or voltage of requests without a header that counts. Default `'normal'`. */
  readonly otherwise?: Priority | number | undefined
}

/** Options of {@link priorityFromHeader}. */
export interface TierOptions<Req extends TieredRequest = TieredRequest> extends TierSettings {
  /**
   * The peers whose headers count: their addresses and networks (`'10.0.0.0/8'`), or a function that returns true for
   * their requests. A peer is who holds the connection. Default: none, because anybody could claim to be critical.
   */
  readonly trust?: readonly string[] | ((req: Req) => boolean) | undefined
}

/** Reads a request of one kind. */
interface TierReader<Args extends unknown[]> {
  headerOf(name: string, ...args: Args): unknown
  /** Returns the address of the connection. */
  addressOf(...args: Args): string | undefined
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
  return tierPriority(options, {
    headerOf: (name, req: Req) => req.headers[name],
    addressOf: (req) => (req.socket ?? req.raw?.socket ?? req.req?.socket)?.remoteAddress,
  })
}

/** Returns the `priority` function of requests that a reader reads. */
export function tierPriority<Args extends unknown[]>(
  options:
    | (TierSettings & { readonly trust?: readonly string[] | ((...args: never) => boolean) | undefined })
    | undefined,
  { headerOf, addressOf }: TierReader<Args>,
): (...args: Args) => number {
  const opts = checkOptions('options', options)
  known('options', opts, ['trust', 'header', 'ceiling', 'otherwise'])
  const header = opts.header === undefined ? 'x-atrion-tier' : text('options.header', opts.header).toLowerCase()
  const ceiling = voltageOf('options.ceiling', opts.ceiling ?? 'critical')
  const otherwise = voltageOf('options.otherwise', opts.otherwise)
  const isTrusted = trustPredicate(
    opts.trust as readonly string[] | ((...args: Args) => boolean) | undefined,
    addressOf,
  )
  return (...args) => {
    const tier = headerOf(header, ...args)
    if (typeof tier !== 'string' || !TIERS.includes(tier) || !isTrusted(...args)) return otherwise
    return Math.min(voltageOf('tier', tier as Priority), ceiling)
  }
}

function trustPredicate<Args extends unknown[]>(
  trust: readonly string[] | ((...args: Args) => boolean) | undefined,
  addressOf: (...args: Args) => string | undefined,
): (...args: Args) => boolean {
  if (trust === undefined) return () => false
  if (typeof trust === 'function') return (...args) => trust(...args) === true
  if (!isList(trust)) {
    throw new InvalidArgumentError('options.trust', 'an array of addresses and networks, or a function', trust)
  }
  const peers = new (builtin('node:net').BlockList)()
  for (const [index, peer] of trust.entries()) addPeer(peers, `options.trust[${index}]`, peer)
  return (...args) => {
    const address = addressOf(...args)?.replace(/^::ffff:(?=\d+\.)/, '')
    const family = address === undefined ? 0 : builtin('node:net').isIP(address)
    return family !== 0 && peers.check(address as string, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function addPeer(peers: BlockList, field: string, peer: unknown): void {
  const [address = '', bits, ...rest] = text(field, peer).split('/')
  const family = builtin('node:net').isIP(address)
  const prefix = bits === undefined || /^\d{1,3}$/.test(bits) ? Number(bits ?? (family === 4 ? 32 : 128)) : NaN
  if (family === 0 || rest.length > 0 || !(prefix <= (family === 4 ? 32 : 128))) {
    throw new InvalidArgumentError(field, "an address or a network such as '10.0.0.0/8'", peer)
  }
  peers.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
}
