/** Checks of what users hand in; a refusal names the field, and nothing has changed. */
import {
  callable,
  callbacks,
  duration,
  finite,
  integer,
  known,
  object,
  options as checkOptions,
  positiveMillis,
  text,
} from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import type { Emit } from './event-emitter.ts'
import type { StopReason } from './ids.ts'
import type { ProcessJournal, ProcessSpec, SupervisionStrategy } from './types.ts'

/** How long an ask waits, in ms, when nobody says. */
export const ASK_TIMEOUT = 5000

const MOST = 2 ** 32 - 2

const SPEC = ['name', 'init', 'handle', 'onStop', 'maxInbox', 'mailboxPolicy', 'supervision']

export function checkStrategy(field: string, given: unknown): SupervisionStrategy {
  const strategy = object<SupervisionStrategy>(field, given)
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

export function checkSpec(given: unknown): ProcessSpec {
  const spec = object<ProcessSpec>('spec', given)
  // A class's instance may carry more; a plain spec with an unknown field is a misspelt one.
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
  return spec
}

const REASONS = "'normal', 'shutdown', 'error' or { type: 'error', error }"

export function checkReason(given: StopReason): StopReason {
  if (given === 'normal' || given === 'shutdown' || given === 'error') return given
  if (object<{ readonly type?: unknown }>('reason', given, REASONS).type === 'error') return given
  throw new InvalidArgumentError('reason', REASONS, given)
}

/** Options of the things that make processes. */
export function checkMaker<O extends { readonly emit?: Emit; readonly journal?: ProcessJournal }>(
  given: O | undefined,
  names: readonly string[],
): O {
  const options = checkOptions('options', given)
  known('options', options, names)
  if (options.emit !== undefined) callable('options.emit', options.emit)
  callbacks('options.journal', options.journal, ['append'])
  if (options.journal !== undefined) callable('options.journal.append', options.journal?.append)
  return options
}
