import { isIP } from 'node:net'

import { MisconfigurationError } from '../../errors/errors.ts'
import type { Report } from '../user-callbacks.ts'
import type { Face } from '../framework-adapter.ts'

/**
 * What is looked for: an address that is none; a program that believes any proxy; one that is behind a proxy and does
 * not know it; a `Forwarded` header that nobody reads; a `keyGenerator` that uses the whole of an IPv6 address; an
 * `ipv6Subnet` that a `keyGenerator` makes useless.
 */
export const CHECKS = [
  'ip',
  'trustProxy',
  'xForwardedForHeader',
  'forwardedHeader',
  'keyGeneratorIpFallback',
  'ipv6SubnetOrKeyGenerator',
] as const
export type RateLimitCheck = (typeof CHECKS)[number]

/** Addresses that nobody has (RFC 5737): a peer, and what it says to have forwarded, from the far end on. */
const STRANGER = '192.0.2.1'
const FAR = '203.0.113.7'
/** Longer than any chain of proxies that a program counts. */
const CHAIN = [FAR, ...Array.from({ length: 64 }, (_, hop) => `198.51.100.${hop + 1}`)].join(', ')

/** Requests that are looked at; a program does not change its setup later. */
const LOOKED_AT = 100

/** Looks for setups that make a limit useless. Each is reported once, and no request suffers from it. */
export class Checks<Req, Res> {
  readonly #face: Face<Req, Res>
  readonly #report: Report
  readonly #open: Set<RateLimitCheck>
  #left = LOOKED_AT

  constructor(face: Face<Req, Res>, checks: ReadonlySet<RateLimitCheck>, report: Report) {
    this.#face = face
    this.#open = new Set(checks)
    this.#report = report
  }

  /** What options alone show. */
  options(keyGenerator: unknown, hasSubnet: boolean): void {
    if (typeof keyGenerator !== 'function') return
    const source = String(keyGenerator)
    this.#tell(
      'keyGeneratorIpFallback',
      /\breq(uest)?\.ip\b/.test(source) && !source.includes('ipKeyGenerator'),
      'keyGenerator uses an address as it is: a client with IPv6 has many. Use ipKeyGenerator(req.ip).',
    )
    this.#tell(
      'ipv6SubnetOrKeyGenerator',
      hasSubnet,
      'ipv6Subnet is not used when there is a keyGenerator. Pass it to ipKeyGenerator(req.ip, subnet).',
    )
  }

  /** What a request shows whose key is its address. */
  request(req: Req): void {
    if (this.#left === 0) return
    this.#left--
    if (this.#open.size === 0) return
    const ip = this.#face.ip(req)
    const { headers, socket } = this.#face.request(req)
    this.#tell(
      'ip',
      ip === undefined || isIP(ip) === 0,
      `the address of a request is ${ip}, and all clients with the same share a quota. Give a keyGenerator.`,
    )
    this.#tell(
      'trustProxy',
      this.#open.has('trustProxy') && this.#face.ipOf(req, STRANGER, CHAIN) === FAR,
      'the program trusts every proxy, so that a client can name any address as its own. Say which proxies, or how many.',
    )
    this.#tell(
      'xForwardedForHeader',
      headers['x-forwarded-for'] !== undefined && this.#face.ipOf(req, socket.remoteAddress ?? '', FAR) !== FAR,
      'a request has X-Forwarded-For, but the program does not believe who sent it: behind a proxy, all clients share a quota.',
    )
    this.#tell(
      'forwardedHeader',
      headers.forwarded !== undefined && ip === socket.remoteAddress,
      'a request has Forwarded, which nobody reads: behind a proxy, all clients share a quota. Give a keyGenerator.',
    )
  }

  #tell(check: RateLimitCheck, isWrong: boolean, message: string): void {
    if (!isWrong || !this.#open.delete(check)) return
    this.#report(new MisconfigurationError(check, message), 'rateLimit: validate')
  }
}
