/** Keys of clients by their addresses. */

import { builtin } from '../internal/builtin.ts'
import { InvalidArgumentError } from '../errors/errors.ts'

/**
 * The prefix that tells clients apart by default: a home or a phone gets a /56 or more, and can use any address in it.
 */
export const DEFAULT_SUBNET = 56

const WORD_BITS = 16
const WORDS = 8

/** Returns the checked length of an IPv6 prefix in bits, or `false` for the whole address. */
export function checkedSubnet(field: string, value: unknown): number | false {
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

/** Returns the eight numbers of a valid IPv6 address. */
function wordsOf(address: string): number[] {
  const zoneless = address.split('%', 1)[0] as string
  const [head = '', tail] = zoneless.split('::')
  const before = parse(head)
  if (tail === undefined) return before
  const end = parse(tail)
  return [...before, ...Array.from({ length: WORDS - before.length - end.length }, () => 0), ...end]
}

/**
 * Returns the key of a client by its address. Use it in a `keyGenerator` of your own.
 *
 * One client has many IPv6 addresses, so only the first bits of one count. An IPv4 address inside an IPv6 address
 * counts as IPv4. A text that is no IPv6 address is returned as it is.
 *
 * @param ip The address of a client, as `req.ip` has it.
 * @param subnet How many bits of an IPv6 address count, 32 to 64; `false` for all 128. Default 56.
 * @throws InvalidArgumentError for an address that is no string, or a `subnet` out of range.
 * @example
 * ```ts
 * rateLimit({ keyGenerator: (req) => `${req.params.tenant}:${ipKeyGenerator(req.ip)}` })
 * ```
 */
export function ipKeyGenerator(ip: string, subnet: number | false = DEFAULT_SUBNET): string {
  if (subnet !== DEFAULT_SUBNET) checkedSubnet('subnet', subnet)
  if (typeof ip !== 'string') throw new InvalidArgumentError('ip', 'a string', ip)
  if (!ip.includes(':') || !builtin('node:net').isIPv6(ip)) return ip
  const words = wordsOf(ip)
  const isMapped = words[5] === 0xffff && words.slice(0, 5).every((word) => word === 0)
  if (isMapped) {
    const [high, low] = words.slice(6) as [number, number]
    return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  }
  const bits = subnet === false ? WORDS * WORD_BITS : subnet
  const prefix = words.slice(0, Math.ceil(bits / WORD_BITS))
  const cut = prefix.length * WORD_BITS - bits
  const last = prefix.length - 1
  prefix[last] = ((prefix[last] as number) >> cut) << cut
  const text = prefix.map((word) => word.toString(16)).join(':')
  return subnet === false ? text : `${text}::/${subnet}`
}
