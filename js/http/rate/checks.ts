import { builtin } from '../../internal/builtin.ts'
import { MisconfigurationError } from '../../errors/errors.ts'
import type { FrameworkAdapter } from '../framework-adapter.ts'
import type { ReportError } from '../user-callbacks.ts'

/** The checks, in the order in which they are documented at {@link RateLimitCheck}. */
export const CHECKS = [
  'ip',
  'trustProxy',
  'xForwardedForHeader',
  'forwardedHeader',
  'keyGeneratorIpFallback',
  'ipv6SubnetOrKeyGenerator',
] as const

/**
 * A check for a setup that makes a rate limit useless. Each is reported once, as a `MisconfigurationError`.
 *
 * - `ip`: the client's address is no address, so all such clients share a quota.
 * - `trustProxy`: the program trusts every proxy, so a client can claim any address.
 * - `xForwardedForHeader`: a proxy sends `X-Forwarded-For`, and the program does not trust it.
 * - `forwardedHeader`: a proxy sends `Forwarded`, which no framework reads.
 * - `keyGeneratorIpFallback`: a `keyGenerator` uses the whole of an IPv6 address, of which a client has many.
 * - `ipv6SubnetOrKeyGenerator`: `ipv6Subnet` is set beside a `keyGenerator`, which ignores it.
 */
export type RateLimitCheck = (typeof CHECKS)[number]

/** Addresses for documentation, which no client has (RFC 5737): a peer, and the client that it forwards for. */
const PEER = '192.0.2.1'
const CLIENT = '203.0.113.7'
/** A client behind more proxies than any program counts. */
const CHAIN = [CLIENT, ...Array.from({ length: 64 }, (_, hop) => `198.51.100.${hop + 1}`)].join(', ')

/** The number of requests that are checked; a program does not change its setup later. */
const MAX_REQUESTS = 100

/** Looks for setups that make a limit useless. Reports each once, and breaks no request. */
export class SetupChecks<Req, Res> {
  readonly #adapter: FrameworkAdapter<Req, Res>
  readonly #report: ReportError
  readonly #open: Set<RateLimitCheck>
  #left = MAX_REQUESTS

  constructor(adapter: FrameworkAdapter<Req, Res>, checks: ReadonlySet<RateLimitCheck>, report: ReportError) {
    this.#adapter = adapter
    this.#open = new Set(checks)
    this.#report = report
  }

  /** Checks the options alone. */
  checkOptions(keyGenerator: unknown, hasSubnet: boolean): void {
    if (typeof keyGenerator !== 'function') return
    const source = String(keyGenerator)
    this.#reportOnce(
      'keyGeneratorIpFallback',
      /\breq(uest)?\.ip\b/.test(source) && !source.includes('ipKeyGenerator'),
      'keyGenerator uses an address as it is: a client with IPv6 has many. Use ipKeyGenerator(req.ip).',
    )
    this.#reportOnce(
      'ipv6SubnetOrKeyGenerator',
      hasSubnet,
      'ipv6Subnet is not used when there is a keyGenerator. Pass it to ipKeyGenerator(req.ip, subnet).',
    )
  }

  /** Checks a request whose key is its address. */
  checkRequest(req: Req): void {
    if (this.#left === 0) return
    this.#left--
    if (this.#open.size === 0) return
    const ip = this.#adapter.clientIp(req)
    const { headers, socket } = this.#adapter.request(req)
    this.#reportOnce(
      'ip',
      ip === undefined || builtin('node:net').isIP(ip) === 0,
      `the address of a request is ${ip}, and all clients with the same share a quota. Give a keyGenerator.`,
    )
    this.#reportOnce(
      'trustProxy',
      this.#open.has('trustProxy') && this.#adapter.clientIpFrom(req, PEER, CHAIN) === CLIENT,
      'the program trusts every proxy, so that a client can name any address as its own. Say which proxies, or how many.',
    )
    this.#reportOnce(
      'xForwardedForHeader',
      headers['x-forwarded-for'] !== undefined &&
        this.#adapter.clientIpFrom(req, socket.remoteAddress ?? '', CLIENT) !== CLIENT,
      'a request has X-Forwarded-For, but the program does not believe who sent it: behind a proxy, all clients share a quota.',
    )
    this.#reportOnce(
      'forwardedHeader',
      headers.forwarded !== undefined && ip === socket.remoteAddress,
      'a request has Forwarded, which nobody reads: behind a proxy, all clients share a quota. Give a keyGenerator.',
    )
  }

  #reportOnce(check: RateLimitCheck, isWrong: boolean, message: string): void {
    if (!isWrong || !this.#open.delete(check)) return
    this.#report(new MisconfigurationError(check, message), 'rateLimit: validate')
  }
}
