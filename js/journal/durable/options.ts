import {
  callable,
  callbacks,
  flag,
  integer,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
  text,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { assertClock, assertSystem } from '../../system/system.ts'
import type { JournalOverflow } from '../types.ts'
import type { Durability, DurableJournalOptions } from './types.ts'

const OPTIONS: readonly (keyof DurableJournalOptions<unknown>)[] = [
  'clock',
  'system',
  'durability',
  'readOnly',
  'salvage',
  'idGenerator',
  'key',
  'emit',
  'maxEntries',
  'overflow',
  'maxBytes',
  'maxAgeMs',
  'maxRecordBytes',
  'segmentBytes',
  'mode',
  'pollMs',
  'serializer',
  'onError',
]

const LEVELS: readonly Durability[] = ['sync', 'flush', 'memory']
const POLICIES: readonly JournalOverflow[] = ['none', 'bounded:drop_oldest', 'bounded:error']

/** Numbers of the levels in the core. */
export const levelOf = (durability: Durability): number => LEVELS.indexOf(durability)

/** Numbers of the policies in the core. */
export const policyOf = (overflow: JournalOverflow): number => POLICIES.indexOf(overflow)

/** The directory's path. */
export function checkPath(path: unknown): string {
  const given = text('path', path)
  if (given.includes('\0')) throw new InvalidArgumentError('path', 'a path without NUL', given)
  return given
}

/** @throws InvalidArgumentError naming the option that is refused. */
export function checkDurableOptions<T>(given: DurableJournalOptions<T> | undefined): DurableJournalOptions<T> {
  const options = checkOptions('options', given)
  known('options', options, OPTIONS)
  if (options.clock !== undefined) assertClock('options.clock', options.clock)
  if (options.system !== undefined) assertSystem('options.system', options.system)
  choice('options.durability', LEVELS, options.durability)
  choice('options.overflow', POLICIES, options.overflow)
  flag('options.readOnly', false, options.readOnly)
  flag('options.salvage', false, options.salvage)
  for (const name of ['idGenerator', 'key', 'emit', 'onError'] as const) {
    optionalCallable(`options.${name}`, options[name])
  }
  within('options.maxEntries', 1, Number.MAX_SAFE_INTEGER, options.maxEntries)
  within('options.maxBytes', 8192, Number.MAX_SAFE_INTEGER, options.maxBytes)
  within('options.maxRecordBytes', 45, 2 ** 28 - 1, options.maxRecordBytes)
  within('options.segmentBytes', 4096, 2 ** 30, options.segmentBytes)
  if (options.mode !== undefined) checkMode(options.mode)
  if (options.maxAgeMs !== undefined) positiveMillis('options.maxAgeMs', options.maxAgeMs)
  if (options.pollMs !== undefined) positiveMillis('options.pollMs', options.pollMs)
  if (options.overflow !== undefined && options.overflow !== 'none' && options.maxEntries === undefined) {
    throw new InvalidArgumentError('options.maxEntries', `given with overflow ${options.overflow}`, undefined)
  }
  if (options.readOnly === true && options.salvage === true) {
    throw new InvalidArgumentError('options.salvage', 'off with readOnly, because salvage writes', true)
  }
  if (options.serializer !== undefined) {
    const serializer = checkOptions('options.serializer', options.serializer)
    callbacks('options.serializer', serializer, ['serialize', 'deserialize'])
    callable('options.serializer.serialize', serializer.serialize)
    callable('options.serializer.deserialize', serializer.deserialize)
  }
  return options
}

/** Permissions by which the owner can read and write. */
function checkMode(mode: unknown): void {
  if (Number.isInteger(mode) && ((mode as number) & ~0o777) === 0 && ((mode as number) & 0o600) === 0o600) return
  throw new InvalidArgumentError(
    'options.mode',
    'permissions from 0o600 to 0o777 by which the owner reads and writes',
    mode,
  )
}

function choice(field: string, choices: readonly string[], value: unknown): void {
  if (value !== undefined && !choices.includes(value as string)) {
    throw new InvalidArgumentError(field, `one of ${choices.join(', ')}`, value)
  }
}

function within(field: string, min: number, max: number, value: unknown): void {
  if (value !== undefined) integer(field, min, max, value)
}
