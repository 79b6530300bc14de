/** Checks the options of caches, of `set` and of `getOrSet`. */
import { InvalidArgumentError } from '../errors/errors.ts'
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
import { getDefaultSystem } from '../system/default.ts'
import { assertNamespace, assertSystem, type System } from '../system/system.ts'
import type { CacheKey, CacheLoadOptions, CacheOptions, CacheSetOptions, SharedCacheOptions } from './types.ts'

/** The most entries of a cache: a `Map` holds no more while it is reorganised. */
export const MAX_ENTRIES: number = 2 ** 23

/** The settings of a cache: checked, and with every default. Times are milliseconds. */
export interface CacheSettings {
  readonly system: System
  readonly maxSize: number
  readonly maxBytes: number
  readonly sizeOf: ((value: unknown, key: CacheKey) => number) | undefined
  /** `Infinity` for ever. */
  readonly ttlMs: number
  readonly ttlJitter: number
  readonly isSliding: boolean
  readonly revalidateMs: number
  readonly ifErrorMs: number
  readonly negativeTtlMs: number | undefined
  readonly lru: boolean
  readonly onEvict: CacheOptions['onEvict']
  readonly onLoadError: CacheOptions['onLoadError']
  readonly sweepIntervalMs: number | undefined
  /** The name by which threads share it; `undefined` for a cache of one thread. */
  readonly shared: string | undefined
  /** The namespace of that name; `undefined` for that of the system. */
  readonly namespace: string | undefined
}

const OPTIONS = [
  'maxSize',
  'maxBytes',
  'sizeOf',
  'defaultTtlMs',
  'sliding',
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

/** Returns a time to live in ms; `Infinity` for ever. */
function ttl(field: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback
  if (value === null) return Infinity
  return positiveMillis(field, value)
}

/** Returns a duration from 0; 0 when it is left out. */
function window(field: string, value: unknown): number {
  return value === undefined || value === 0 ? 0 : positiveMillis(field, value)
}

function unlessMissing<T>(value: T | undefined, check: (value: T) => unknown): void {
  if (value !== undefined) check(value)
}

/** Returns the settings that the options describe. */
export function cacheSettings(options: CacheOptions<never> | SharedCacheOptions<never> | undefined): CacheSettings {
  const settings = checkOptions('options', options) as Omit<SharedCacheOptions, 'shared' | 'name'> & {
    readonly shared?: boolean
    readonly name?: string
  }
  known('options', settings, OPTIONS)
  const { maxSize = Infinity, maxBytes = Infinity, sizeOf, ttlJitter = 0, policy = 's3-fifo' } = settings
  if (maxSize !== Infinity) integer('options.maxSize', 1, MAX_ENTRIES, maxSize)
  if (maxBytes !== Infinity) integer('options.maxBytes', 1, Number.MAX_SAFE_INTEGER, maxBytes)
  unlessMissing(sizeOf, (value) => callable('options.sizeOf', value))
  const isShared = flag('options.shared', false, settings.shared)
  if (maxBytes !== Infinity && sizeOf === undefined && !isShared) {
    throw new InvalidArgumentError('options.sizeOf', 'given, as maxBytes is', sizeOf)
  }
  if (!(finite('options.ttlJitter', ttlJitter) >= 0 && ttlJitter <= 1)) {
    throw new InvalidArgumentError('options.ttlJitter', 'a share from 0 to 1', ttlJitter)
  }
  if (policy !== 's3-fifo' && policy !== 'lru') {
    throw new InvalidArgumentError('options.policy', "'s3-fifo' or 'lru'", policy)
  }
  unlessMissing(settings.onEvict, (value) => callable('options.onEvict', value))
  unlessMissing(settings.onLoadError, (value) => callable('options.onLoadError', value))
  unlessMissing(settings.negativeTtlMs, (value) => positiveMillis('options.negativeTtlMs', value))
  unlessMissing(settings.sweepIntervalMs, (value) => positiveMillis('options.sweepIntervalMs', value))
  unlessMissing(settings.name, (value) => text('options.name', value))
  if (isShared && settings.name === undefined) {
    throw new InvalidArgumentError('options.name', 'given, as a shared cache has one', settings.name)
  }
  if (settings.namespace !== undefined) {
    assertNamespace('options.namespace', settings.namespace)
    if (!isShared) throw new InvalidArgumentError('options.namespace', 'given for a shared cache', settings.namespace)
  }
  if (settings.system !== undefined) assertSystem('options.system', settings.system)
  return {
    system: settings.system ?? getDefaultSystem(),
    maxSize: Math.min(maxSize, MAX_ENTRIES),
    maxBytes,
    sizeOf,
    ttlMs: ttl('options.defaultTtlMs', settings.defaultTtlMs, Infinity),
    ttlJitter,
    isSliding: flag('options.sliding', false, settings.sliding),
    revalidateMs: window('options.staleWhileRevalidateMs', settings.staleWhileRevalidateMs),
    ifErrorMs: window('options.staleIfErrorMs', settings.staleIfErrorMs),
    negativeTtlMs: settings.negativeTtlMs,
    lru: policy === 'lru',
    onEvict: settings.onEvict,
    onLoadError: settings.onLoadError,
    sweepIntervalMs: settings.sweepIntervalMs,
    shared: isShared ? settings.name : undefined,
    namespace: settings.namespace,
  }
}

/** Refuses a value that is no key. */
export function assertKey(key: unknown, field = 'key'): void {
  if (typeof key === 'string' || (typeof key === 'number' && !Number.isNaN(key))) return
  throw new InvalidArgumentError(field, 'a string, or a number other than NaN', key)
}

/** The settings of a stored value: checked, and with every default. */
export interface StoreSettings {
  /** `Infinity` for ever. */
  readonly ttlMs: number
  readonly tags: readonly string[] | undefined
  /** True if each use keeps the entry for its time to live from then on. */
  readonly isSliding: boolean
  /** For an entry of a dump, whose `ttlMs` is exact: the time for which a use keeps it from then on; 0 if none does. */
  readonly dumpedSlidingMs?: number
}

const STORE_OPTIONS = ['ttlMs', 'sliding', 'tags']
const LOAD_OPTIONS = [...STORE_OPTIONS, 'signal']

/** Returns the settings that the options of `set` or `getOrSet` describe. */
export function storeSettings(
  options: CacheSetOptions | CacheLoadOptions,
  defaults: StoreSettings,
  isLoad: boolean,
): StoreSettings {
  const settings = checkOptions('options', options)
  known('options', settings, isLoad ? LOAD_OPTIONS : STORE_OPTIONS)
  return {
    ttlMs: ttl('options.ttlMs', settings.ttlMs, defaults.ttlMs),
    tags: tagList('options.tags', settings.tags),
    isSliding: flag('options.sliding', defaults.isSliding, settings.sliding),
  }
}

/** Returns the settings of a value that is stored without options. */
export const defaultStoreSettings = ({ ttlMs, isSliding }: CacheSettings): StoreSettings => ({
  ttlMs,
  tags: undefined,
  isSliding,
})

/** Returns tags, each once; `undefined` for none. */
export function tagList(field: string, tags: unknown): readonly string[] | undefined {
  if (tags === undefined) return undefined
  if (!isList<string>(tags)) throw new InvalidArgumentError(field, 'a list of strings', tags)
  for (const [index, tag] of tags.entries()) {
    if (typeof tag !== 'string') throw new InvalidArgumentError(`${field}[${index}]`, 'a string', tag)
  }
  return tags.length === 0 ? undefined : [...new Set(tags)]
}
