import { isIPv6 } from 'node:net'

import { InvalidArgumentError } from '../errors/errors.ts'

/** A home or a phone is given this much or more of IPv6, and can use any address in it. */
export const DEFAULT_SUBNET = 56

const WORD_BITS = 16
const WORDS = 8

/** How much of an IPv6 address tells clients apart, in bits; false for all of it. */
export function subnetOf(field: string, value: unknown): number | false {
  if (value === undefined) return DEFAULT_SUBNET
  if (value === false) return false
  if (Number.isInteger(value) && (value as number) >= 32 && (value as number) <= 64) return value as number
  throw new InvalidArgumentError(field, 'an integer from 32 to 64, or false', value)
}

function parse(part: string): number[] {
  if (part === '') return []
  return part.split(':').flatMap((word) => {
    if (!word.includes('.')) return Number.parseInt(word, 16)
    const [a, b, c, d] = word.split('.').map(Number) as [number, number, number, number]
    return [a * 256 + b, c * 256 + d]
  })
}

/** The eight numbers of an address that is valid. */
function wordsOf(address: string): number[] {
  const zoneless = address.split('%', 1)[0] as string
  const [head = '', tail] = zoneless.split('::')
  const before = parse(head)
  if (tail === undefined) return before
  const end = parse(tail)
  return [...before, ...Array.from({ length: WORDS - before.length - end.length }, () => 0), ...end]
}

/**
 * The key of a client by its address: of IPv6 the first bits, since one client has many addresses, and IPv4 in an
 * IPv6 address as what it is. For a `keyGenerator` of your own.
 *
 * @param subnet How many bits of an IPv6 address count, 32 to 64; false for all. Default 56.
 * @example
 * ```ts
 * rateLimit({ keyGenerator: (req) => `${req.params.tenant}:${ipKeyGenerator(req.ip)}` })
 * ```
 */
export function ipKeyGenerator(ip: string, subnet: number | false = DEFAULT_SUBNET): string {
  if (subnet !== DEFAULT_SUBNET) subnetOf('subnet', subnet)
  if (typeof ip !== 'string') throw new InvalidArgumentError('ip', 'a string', ip)
  if (!ip.includes(':') || !isIPv6(ip)) return ip
  const words = wordsOf(ip)
  const isMapped = words[5] === 0xffff && words.slice(0, 5).every((word) => word === 0)
  if (isMapped) {
    const [high, low] = words.slice(6) as [number, number]
    return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  }
  const bits = subnet === false ? WORDS * WORD_BITS : subnet
  const kept = words.slice(0, Math.ceil(bits / WORD_BITS))
  const cut = kept.length * WORD_BITS - bits
  const last = kept.length - 1
  kept[last] = ((kept[last] as number) >> cut) << cut
  const text = kept.map((word) => word.toString(16)).join(':')
  return subnet === false ? text : `${text}::/${subnet}`
}
