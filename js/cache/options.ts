import {
  callable,
  finite,
  flag,
  integer,
  isList,
  known,
  options as checkOptions,
  positiveMillis,
  text,
} from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertNamespace, assertSystem, type System } from '../system/system.ts'
import type { CacheKey, CacheLoadOptions, CacheOptions, CacheSetOptions, SharedCacheOptions } from './types.ts'

/** More entries than this no `Map` holds while it is reorganised. */
export const MOST_ENTRIES: number = 2 ** 23

/** Options that were checked, with their defaults. */
export interface CacheSettings {
  readonly system: System
  readonly maxSize: number
  readonly maxBytes: number
  readonly sizeOf: ((value: unknown, key: CacheKey) => number) | undefined
  /** Infinite for ever. */
  readonly ttlMs: number
  readonly ttlJitter: number
  readonly revalidateMs: number
  readonly ifErrorMs: number
  readonly negativeTtlMs: number | undefined
  readonly lru: boolean
  readonly onEvict: CacheOptions['onEvict']
  readonly onLoadError: CacheOptions['onLoadError']
  readonly sweepIntervalMs: number | undefined
  /** The name under which threads share it. */
  readonly shared: string | undefined
  /** Where that name is looked up, if not in the system's. */
  readonly namespace: string | undefined
}

const OPTIONS = [
  'maxSize',
  'maxBytes',
  'sizeOf',
  'defaultTtlMs',
  'ttlJitter',
  'staleWhileRevalidateMs',
  'staleIfErrorMs',
  'negativeTtlMs',
  'policy',
  'onEvict',
  'onLoadError',
  'sweepIntervalMs',
  'name',
  'shared',
  'namespace',
  'system',
]

/** Time to live in ms; infinite for ever. */
function ttl(field: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback
  if (value === null) return Infinity
  return positiveMillis(field, value)
}

/** A duration from 0. */
function window(field: string, value: unknown): number {
  return value === undefined || value === 0 ? 0 : positiveMillis(field, value)
}

function unlessMissing<T>(value: T | undefined, check: (value: T) => unknown): void {
  if (value !== undefined) check(value)
}

export function checkCache(options: CacheOptions<never> | SharedCacheOptions<never> | undefined): CacheSettings {
  const given = checkOptions('options', options) as Omit<SharedCacheOptions, 'shared' | 'name'> & {
    readonly shared?: boolean
    readonly name?: string
  }
  known('options', given, OPTIONS)
  const { maxSize = Infinity, maxBytes = Infinity, sizeOf, ttlJitter = 0, policy = 's3-fifo' } = given
  if (maxSize !== Infinity) integer('options.maxSize', 1, MOST_ENTRIES, maxSize)
  if (maxBytes !== Infinity) integer('options.maxBytes', 1, Number.MAX_SAFE_INTEGER, maxBytes)
  unlessMissing(sizeOf, (value) => callable('options.sizeOf', value))
  const isShared = flag('options.shared', false, given.shared)
  if (maxBytes !== Infinity && sizeOf === undefined && !isShared) {
    throw new InvalidArgumentError('options.sizeOf', 'given, as maxBytes is', sizeOf)
  }
  if (!(finite('options.ttlJitter', ttlJitter) >= 0 && ttlJitter <= 1)) {
    throw new InvalidArgumentError('options.ttlJitter', 'a share from 0 to 1', ttlJitter)
  }
  if (policy !== 's3-fifo' && policy !== 'lru') {
    throw new InvalidArgumentError('options.policy', "'s3-fifo' or 'lru'", policy)
  }
  unlessMissing(given.onEvict, (value) => callable('options.onEvict', value))
  unlessMissing(given.onLoadError, (value) => callable('options.onLoadError', value))
  unlessMissing(given.negativeTtlMs, (value) => positiveMillis('options.negativeTtlMs', value))
  unlessMissing(given.sweepIntervalMs, (value) => positiveMillis('options.sweepIntervalMs', value))
  unlessMissing(given.name, (value) => text('options.name', value))
  if (isShared && given.name === undefined) {
    throw new InvalidArgumentError('options.name', 'given, as a shared cache has one', given.name)
  }
  if (given.namespace !== undefined) {
    assertNamespace('options.namespace', given.namespace)
    if (!isShared) throw new InvalidArgumentError('options.namespace', 'given for a shared cache', given.namespace)
  }
  if (given.system !== undefined) assertSystem('options.system', given.system)
  return {
    system: given.system ?? getDefaultSystem(),
    maxSize: Math.min(maxSize, MOST_ENTRIES),
    maxBytes,
    sizeOf,
    ttlMs: ttl('options.defaultTtlMs', given.defaultTtlMs, Infinity),
    ttlJitter,
    revalidateMs: window('options.staleWhileRevalidateMs', given.staleWhileRevalidateMs),
    ifErrorMs: window('options.staleIfErrorMs', given.staleIfErrorMs),
    negativeTtlMs: given.negativeTtlMs,
    lru: policy === 'lru',
    onEvict: given.onEvict,
    onLoadError: given.onLoadError,
    sweepIntervalMs: given.sweepIntervalMs,
    shared: isShared ? given.name : undefined,
    namespace: given.namespace,
  }
}

/** Refuses what is no key. */
export function checkKey(key: unknown): void {
  if (typeof key === 'string' || (typeof key === 'number' && !Number.isNaN(key))) return
  throw new InvalidArgumentError('key', 'a string, or a number other than NaN', key)
}

/** How a value is stored, checked. */
export interface Storing {
  /** Infinite for ever. */
  readonly ttlMs: number
  readonly tags: readonly string[] | undefined
}

const STORE_OPTIONS = ['ttlMs', 'tags']
const LOAD_OPTIONS = [...STORE_OPTIONS, 'signal']

export function checkStoring(
  options: CacheSetOptions | CacheLoadOptions,
  fallbackMs: number,
  isLoad: boolean,
): Storing {
  const given = checkOptions('options', options)
  known('options', given, isLoad ? LOAD_OPTIONS : STORE_OPTIONS)
  const { tags } = given
  if (tags !== undefined) {
    if (!isList<string>(tags)) throw new InvalidArgumentError('options.tags', 'a list of strings', tags)
    for (const [index, tag] of tags.entries()) {
      if (typeof tag !== 'string') throw new InvalidArgumentError(`options.tags[${index}]`, 'a string', tag)
    }
  }
  return {
    ttlMs: ttl('options.ttlMs', given.ttlMs, fallbackMs),
    tags: tags === undefined || tags.length === 0 ? undefined : [...new Set(tags)],
  }
}
