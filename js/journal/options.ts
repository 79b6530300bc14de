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
export function checkJournalOptions<T>(given: JournalOptions<T> | undefined): JournalOptions<T> {
  const options = checkOptions('options', given)
  known('options', options, OPTIONS)
  if (options.clock !== undefined) assertClock('options.clock', options.clock)
  if (options.system !== undefined) assertSystem('options.system', options.system)
  optionalCallable('options.idGenerator', options.idGenerator)
  optionalCallable('options.emit', options.emit)
  optionalCallable('options.onError', options.onError)
  flag('options.freeze', false, options.freeze)
  if (options.overflow !== undefined && !POLICIES.includes(options.overflow)) {
    throw new InvalidArgumentError('options.overflow', `one of ${POLICIES.join(', ')}`, options.overflow)
  }
  if (options.maxEntries !== undefined) {
    integer('options.maxEntries', 1, Number.MAX_SAFE_INTEGER, options.maxEntries)
  } else if (options.overflow !== undefined && options.overflow !== 'none') {
    throw new InvalidArgumentError('options.maxEntries', `given with overflow ${options.overflow}`, undefined)
  }
  if (options.serializer !== undefined) {
    const serializer = checkOptions('options.serializer', options.serializer)
    callbacks('options.serializer', serializer, ['serialize', 'deserialize'])
    callable('options.serializer.serialize', serializer.serialize)
    callable('options.serializer.deserialize', serializer.deserialize)
  }
  return options
}
