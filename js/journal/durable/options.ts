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
import { LEVELS, POLICIES } from '../../protocol/journal.ts'
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

/** Numbers of the levels in the core. */
export const levelOf = (durability: Durability): number => LEVELS.indexOf(durability)

/** Numbers of the policies in the core. */
export const policyOf = (overflow: JournalOverflow): number => POLICIES.indexOf(overflow)

/** Returns the directory's path. */
export function checkPath(field: string, path: unknown): string {
  const directory = text(field, path)
  if (directory.includes('\0')) throw new InvalidArgumentError(field, 'a path without NUL', directory)
  return directory
}

/** @throws InvalidArgumentError naming the option that is refused. */
export function checkDurableOptions<T>(options: DurableJournalOptions<T> | undefined): DurableJournalOptions<T> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  if (settings.clock !== undefined) assertClock('options.clock', settings.clock)
  if (settings.system !== undefined) assertSystem('options.system', settings.system)
  choice('options.durability', LEVELS, settings.durability)
  choice('options.overflow', POLICIES, settings.overflow)
  flag('options.readOnly', false, settings.readOnly)
  flag('options.salvage', false, settings.salvage)
  for (const name of ['idGenerator', 'key', 'emit', 'onError'] as const) {
    optionalCallable(`settings.${name}`, settings[name])
  }
  within('options.maxEntries', 1, Number.MAX_SAFE_INTEGER, settings.maxEntries)
  within('options.maxBytes', 8192, Number.MAX_SAFE_INTEGER, settings.maxBytes)
  within('options.maxRecordBytes', 45, 2 ** 28 - 1, settings.maxRecordBytes)
  within('options.segmentBytes', 4096, 2 ** 30, settings.segmentBytes)
  if (settings.mode !== undefined) checkMode(settings.mode)
  if (settings.maxAgeMs !== undefined) positiveMillis('options.maxAgeMs', settings.maxAgeMs)
  if (settings.pollMs !== undefined) positiveMillis('options.pollMs', settings.pollMs)
  if (settings.overflow !== undefined && settings.overflow !== 'none' && settings.maxEntries === undefined) {
    throw new InvalidArgumentError('options.maxEntries', `given with overflow ${settings.overflow}`, undefined)
  }
  if (settings.readOnly === true && settings.salvage === true) {
    throw new InvalidArgumentError('options.salvage', 'off with readOnly, because salvage writes', true)
  }
  if (settings.serializer !== undefined) {
    const serializer = checkOptions('options.serializer', settings.serializer)
    callbacks('options.serializer', serializer, ['serialize', 'deserialize'])
    callable('options.serializer.serialize', serializer.serialize)
    callable('options.serializer.deserialize', serializer.deserialize)
  }
  return settings
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
