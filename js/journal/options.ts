import {
  callable,
  callbacks,
  flag,
  integer,
  known,
  optionalCallable,
  options as checkOptions,
} from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { assertClock, assertSystem } from '../system/system.ts'
import type { JournalOptions, JournalOverflow } from './types.ts'

const OPTIONS = [
  'clock',
  'system',
  'idGenerator',
  'emit',
  'maxEntries',
  'overflow',
  'serializer',
  'freeze',
  'onError',
] as const

const POLICIES: readonly JournalOverflow[] = ['none', 'bounded:drop_oldest', 'bounded:error']

/** @throws InvalidArgumentError naming the option that is refused. */
export function checkJournalOptions<T>(options: JournalOptions<T> | undefined): JournalOptions<T> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  if (settings.clock !== undefined) assertClock('options.clock', settings.clock)
  if (settings.system !== undefined) assertSystem('options.system', settings.system)
  optionalCallable('options.idGenerator', settings.idGenerator)
  optionalCallable('options.emit', settings.emit)
  optionalCallable('options.onError', settings.onError)
  flag('options.freeze', false, settings.freeze)
  if (settings.overflow !== undefined && !POLICIES.includes(settings.overflow)) {
    throw new InvalidArgumentError('options.overflow', `one of ${POLICIES.join(', ')}`, settings.overflow)
  }
  if (settings.maxEntries !== undefined) {
    integer('options.maxEntries', 1, Number.MAX_SAFE_INTEGER, settings.maxEntries)
  } else if (settings.overflow !== undefined && settings.overflow !== 'none') {
    throw new InvalidArgumentError('options.maxEntries', `given with overflow ${settings.overflow}`, undefined)
  }
  if (settings.serializer !== undefined) {
    const serializer = checkOptions('options.serializer', settings.serializer)
    callbacks('options.serializer', serializer, ['serialize', 'deserialize'])
    callable('options.serializer.serialize', serializer.serialize)
    callable('options.serializer.deserialize', serializer.deserialize)
  }
  return settings
}
