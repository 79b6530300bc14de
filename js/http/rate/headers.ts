/**
 * The headers that tell a client its quota, as three drafts of draft-ietf-httpapi-ratelimit-headers define them:
 *
 * - draft-06: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset`, and `RateLimit-Policy: 5;w=60`
 * - draft-07: `RateLimit: limit=5, remaining=4, reset=60`, and `RateLimit-Policy: 5;w=60`
 * - draft-08: `RateLimit: "name"; r=4; t=60`, and `RateLimit-Policy: "name"; q=5; w=60; pk=:…:`. The fields are lists
 *   of RFC 9651, so several policies stand side by side. The partition key is a digest, which reveals no address.
 *
 * A policy states the rate. The limit and what a client has left count its burst.
 */
import type { ServerResponse } from 'node:http'

import { sha256 } from '../key-digest.ts'

export const DRAFTS = ['draft-6', 'draft-7', 'draft-8'] as const
export type Draft = (typeof DRAFTS)[number]

/** A client's quota, as headers state it. */
interface Quota {
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  /** The key whose quota it is. */
  readonly key: string
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const seconds = (millis: number): number => Math.ceil(millis / SECOND)
const plural = (count: number): string => (count > 1 ? 's' : '')

/** Returns the default name of a policy, such as `5-in-1min`. */
function policyName(quota: number, windowMs: number): string {
  if (windowMs < MINUTE) return `${quota}-in-${windowMs / SECOND}sec`
  if (windowMs < HOUR) return `${quota}-in-${windowMs / MINUTE}min`
  if (windowMs < DAY) return `${quota}-in-${windowMs / HOUR}hr${plural(windowMs / HOUR)}`
  return `${quota}-in-${windowMs / DAY}day${plural(windowMs / DAY)}`
}

/** Returns a text as a string of RFC 9651, 3.3.3: printable ASCII, with quotes and backslashes escaped. */
const quoted = (text: string): string => `"${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')}"`

const MAX_DIGESTS = 10_000
const DIGEST_CHARACTERS = 16

/** Caches the digests of recent keys: making one takes longer than all the rest of a decision. */
class KeyDigests {
  #digests = new Map<string, string>()

  of(key: string): string {
    let digest = this.#digests.get(key)
    if (digest === undefined) {
      if (this.#digests.size >= MAX_DIGESTS) this.#digests = new Map()
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
  readonly #windowMs: number
  readonly #window: number
  readonly #digests = new KeyDigests()
  /** The policy of the last request; it is the only one unless options depend on requests. */
  #quota = 0
  #name: string | undefined
  #quoted = ''
  #policy = ''

  constructor(draft: Draft | undefined, legacy: boolean, windowMs: number) {
    this.#draft = draft
    this.#legacy = legacy
    this.#windowMs = windowMs
    this.#window = seconds(windowMs)
  }

  /**
   * Sets the headers of one request.
   *
   * @param quota How many requests a window allows.
   * @param name The policy's name in draft-08. Default: such as `5-in-1min`.
   * @param wallMs Returns the wall time; called for legacy headers alone.
   * @param isTightest Whether the legacy headers are those of this limit, of several.
   */
  set(
    res: ServerResponse,
    state: Quota,
    quota: number,
    name: string | undefined,
    wallMs: () => number,
    isTightest: boolean = true,
  ): void {
    const { limit, remaining, resetMs, key } = state
    if (this.#legacy && isTightest) {
      res.setHeader('X-RateLimit-Limit', limit)
      res.setHeader('X-RateLimit-Remaining', remaining)
      res.setHeader('X-RateLimit-Reset', seconds(wallMs() + resetMs))
    }
    if (this.#draft === 'draft-8') {
      if (name !== this.#name || quota !== this.#quota) this.#setPolicy(name, quota)
      append(res, 'RateLimit', `${this.#quoted}; r=${remaining}; t=${seconds(resetMs)}`)
      append(res, 'RateLimit-Policy', `${this.#policy}${this.#digests.of(key)}:`)
    } else if (this.#draft === 'draft-7') {
      res.setHeader('RateLimit-Policy', `${quota};w=${this.#window}`)
      res.setHeader('RateLimit', `limit=${limit}, remaining=${remaining}, reset=${seconds(resetMs)}`)
    } else if (this.#draft === 'draft-6') {
      res.setHeader('RateLimit-Policy', `${quota};w=${this.#window}`)
      res.setHeader('RateLimit-Limit', limit)
      res.setHeader('RateLimit-Remaining', remaining)
      res.setHeader('RateLimit-Reset', seconds(resetMs))
    }
  }

  #setPolicy(name: string | undefined, quota: number): void {
    this.#name = name
    this.#quota = quota
    this.#quoted = quoted(name ?? policyName(quota, this.#windowMs))
    this.#policy = `${this.#quoted}; q=${quota}; w=${this.#window}; pk=:`
  }
}
