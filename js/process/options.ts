/**
 * Checks options and specs. Each check throws an `InvalidArgumentError` that names the field, before anything has
 * changed.
 */
import {
  callable,
  callbacks,
  duration,
  finite,
  integer,
  known,
  object,
  oneOf,
  options as checkOptions,
  positiveMillis,
  text,
} from '../internal/validate.ts'
import { CONTEXTS } from '../actor/caller-context.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import type { Emit } from './events.ts'
import type { StopReason } from './ids.ts'
import type { ProcessJournal, ProcessSpec, SupervisionStrategy } from './types.ts'

/** The default time that an ask waits, in ms. */
export const ASK_TIMEOUT = 5000

const MOST = 2 ** 32 - 2

const SPEC = ['name', 'init', 'handle', 'onStop', 'maxInbox', 'mailboxPolicy', 'supervision', 'context']

export function checkStrategy(field: string, value: unknown): SupervisionStrategy {
  const strategy = object<SupervisionStrategy>(field, value)
  known(field, strategy, ['type', 'backoff', 'maxRestarts'])
  if (strategy.type !== 'none' && strategy.type !== 'one-for-one') {
    throw new InvalidArgumentError(`${field}.type`, "'none' or 'one-for-one'", strategy.type)
  }
  const { backoff, maxRestarts } = strategy
  if (backoff !== undefined) {
    known(`${field}.backoff`, object(`${field}.backoff`, backoff), ['initial', 'max', 'factor', 'jitter'])
    duration(`${field}.backoff.initial`, backoff.initial)
    duration(`${field}.backoff.max`, backoff.max)
    if (finite(`${field}.backoff.factor`, backoff.factor) < 1) {
      throw new InvalidArgumentError(`${field}.backoff.factor`, '1 or more', backoff.factor)
    }
    if (backoff.jitter !== undefined && !(finite(`${field}.backoff.jitter`, backoff.jitter) >= 0)) {
      throw new InvalidArgumentError(`${field}.backoff.jitter`, 'a percentage from 0', backoff.jitter)
    }
  }
  if (maxRestarts !== undefined) {
    known(`${field}.maxRestarts`, object(`${field}.maxRestarts`, maxRestarts), ['count', 'within'])
    integer(`${field}.maxRestarts.count`, 0, MOST, maxRestarts.count)
    positiveMillis(`${field}.maxRestarts.within`, maxRestarts.within)
  }
  return strategy
}

export function checkSpec(value: unknown): ProcessSpec {
  const spec = object<ProcessSpec>('spec', value)
  // An instance of a class may have more fields. In a plain object, an unknown field is a misspelt one.
  if (Object.getPrototypeOf(spec) === Object.prototype) known('spec', spec, SPEC)
  else callbacks('spec', spec, SPEC)
  text('spec.name', spec.name)
  callable('spec.init', spec.init)
  callable('spec.handle', spec.handle)
  if (spec.onStop !== undefined) callable('spec.onStop', spec.onStop)
  if (spec.maxInbox !== undefined) integer('spec.maxInbox', 1, MOST, spec.maxInbox)
  const { mailboxPolicy } = spec
  if (mailboxPolicy !== undefined && mailboxPolicy !== 'reject' && mailboxPolicy !== 'drop-oldest') {
    throw new InvalidArgumentError('spec.mailboxPolicy', "'reject' or 'drop-oldest'", mailboxPolicy)
  }
  if (spec.supervision !== undefined) checkStrategy('spec.supervision', spec.supervision)
  if (spec.context !== undefined) oneOf('spec.context', CONTEXTS, spec.context)
  return spec
}

const REASONS = "'normal', 'shutdown', 'error' or { type: 'error', error }"

export function checkReason(reason: StopReason): StopReason {
  if (reason === 'normal' || reason === 'shutdown' || reason === 'error') return reason
  if (object<{ readonly type?: unknown }>('reason', reason, REASONS).type === 'error') return reason
  throw new InvalidArgumentError('reason', REASONS, reason)
}

/** Checks the options that `createRootSupervisor` and its like have in common. */
export function checkOptionsOf<O extends { readonly emit?: Emit; readonly journal?: ProcessJournal }>(
  value: O | undefined,
  names: readonly string[],
): O {
  const options = checkOptions('options', value)
  known('options', options, names)
  if (options.emit !== undefined) callable('options.emit', options.emit)
  callbacks('options.journal', options.journal, ['append'])
  if (options.journal !== undefined) callable('options.journal.append', options.journal?.append)
  return options
}
