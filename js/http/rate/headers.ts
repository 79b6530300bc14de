/**
 * The headers that tell a client its quota, as draft-ietf-httpapi-ratelimit-headers has had them in turn:
 *
 * - draft-06: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`, and `RateLimit-Policy: 5;w=60`
 * - draft-07: `RateLimit: limit=5, remaining=4, reset=60`, and `RateLimit-Policy: 5;w=60`
 * - draft-08: `RateLimit: "name"; r=4; t=60`, and `RateLimit-Policy: "name"; q=5; w=60; pk=:…:`. The fields are lists
 *   of RFC 9651; several policies stand side by side. The partition key is a digest, so that it tells nobody's address.
 */
import type { ServerResponse } from 'node:http'

import { sha256 } from '../digest.ts'

export const DRAFTS = ['draft-6', 'draft-7', 'draft-8'] as const
export type Draft = (typeof DRAFTS)[number]

/** What headers say of a request. */
export interface Told {
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const seconds = (millis: number): number => Math.ceil(millis / SECOND)
const plural = (count: number): string => (count > 1 ? 's' : '')

/** What a policy is called: `5-in-1min`. */
export function policyName(limit: number, windowMs: number): string {
  if (windowMs < MINUTE) return `${limit}-in-${windowMs / SECOND}sec`
  if (windowMs < HOUR) return `${limit}-in-${windowMs / MINUTE}min`
  if (windowMs < DAY) return `${limit}-in-${windowMs / HOUR}hr${plural(windowMs / HOUR)}`
  return `${limit}-in-${windowMs / DAY}day${plural(windowMs / DAY)}`
}

/** A string of RFC 9651, 3.3.3: printable ASCII, with quotes and backslashes escaped. */
const quoted = (text: string): string => `"${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')}"`

const REMEMBERED = 10_000
const DIGEST_CHARACTERS = 16

/** The digests of keys that were asked for lately: one takes longer than all the rest of a decision. */
class Partitions {
  #digests = new Map<string, string>()

  of(key: string): string {
    let digest = this.#digests.get(key)
    if (digest === undefined) {
      if (this.#digests.size >= REMEMBERED) this.#digests = new Map()
      // 96 bits, which base64 needs no padding for.
      digest = sha256(key).toString('base64').slice(0, DIGEST_CHARACTERS)
      this.#digests.set(key, digest)
    }
    return digest
  }
}

/** Adds an element to a list that another limiter may have begun. */
function append(res: ServerResponse, name: string, value: string): void {
  const before = res.getHeader(name)
  if (before === undefined) res.setHeader(name, value)
  else res.setHeader(name, Array.isArray(before) ? [...before, value] : [String(before), value])
}

/** Writes the headers of a draft for one limiter. */
export class QuotaHeaders {
  readonly #draft: Draft | undefined
  readonly #legacy: boolean
  readonly #window: number
  readonly #partitions = new Partitions()
  /** The last policy that was named, which is the only one unless names depend on requests. */
  #limit = 0
  #name = ''
  #quoted = ''
  #policy = ''

  constructor(draft: Draft | undefined, legacy: boolean, windowMs: number) {
    this.#draft = draft
    this.#legacy = legacy
    this.#window = seconds(windowMs)
  }

  /** @param name What the policy is called, from draft-08 on. @param wallMs The wall time, for legacy headers alone. */
  set(res: ServerResponse, told: Told, name: string, key: string, wallMs: () => number): void {
    const { limit, remaining, resetMs } = told
    if (this.#legacy) {
      res.setHeader('X-RateLimit-Limit', limit)
      res.setHeader('X-RateLimit-Remaining', remaining)
      res.setHeader('X-RateLimit-Reset', seconds(wallMs() + resetMs))
    }
    if (this.#draft === 'draft-8') {
      if (name !== this.#name || limit !== this.#limit) this.#named(name, limit)
      append(res, 'RateLimit', `${this.#quoted}; r=${remaining}; t=${seconds(resetMs)}`)
      append(res, 'RateLimit-Policy', `${this.#policy}${this.#partitions.of(key)}:`)
    } else if (this.#draft === 'draft-7') {
      res.setHeader('RateLimit-Policy', `${limit};w=${this.#window}`)
      res.setHeader('RateLimit', `limit=${limit}, remaining=${remaining}, reset=${seconds(resetMs)}`)
    } else if (this.#draft === 'draft-6') {
      res.setHeader('RateLimit-Policy', `${limit};w=${this.#window}`)
      res.setHeader('RateLimit-Limit', limit)
      res.setHeader('RateLimit-Remaining', remaining)
      res.setHeader('RateLimit-Reset', seconds(resetMs))
    }
  }

  #named(name: string, limit: number): void {
    this.#name = name
    this.#limit = limit
    this.#quoted = quoted(name)
    this.#policy = `${this.#quoted}; q=${limit}; w=${this.#window}; pk=:`
  }
}
