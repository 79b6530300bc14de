import { isDeepStrictEqual } from 'node:util'

import { InvalidArgumentError } from '../../errors/errors.ts'
import {
  callable,
  callbacks,
  finite,
  integer,
  known,
  list,
  object,
  oneOf,
  optionalCallable,
  options as checkOptions,
  text,
} from '../../internal/validate.ts'
import { KeySearch } from './key-search.ts'
import type {
  HistoryOperation,
  HistoryViolation,
  LinearizabilityChecker,
  LinearizabilityOptions,
  LinearizabilityResult,
  SequentialModel,
} from './types.ts'
import { undecidedText, violationText } from './violation-text.ts'

const CALLBACKS = ['init', 'apply', 'key', 'equals'] as const
const DEFAULT_MODEL_STEPS = 10_000_000

/**
 * Returns a check of histories: some order of the operations explains what all clients saw, as if each operation took
 * effect at one instant between its call and its return (linearizability; Herlihy and Wing, 1990). The search is that of
 * Wing and Gong, with the cache of Lowe, for each key alone.
 *
 * @throws InvalidArgumentError for what is no model.
 * @example
 * ```ts
 * const register = {
 *   init: () => 0,
 *   apply: (value, { write }) => (write === undefined ? [value, value] : ['ok', write]),
 *   key: ({ name }) => name,
 * }
 * history.check(linearizable(register))
 * ```
 */
export function linearizable<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  options?: LinearizabilityOptions,
): LinearizabilityChecker<Input, Output> {
  object('model', model)
  callbacks('model', model, CALLBACKS)
  callable('model.init', model.init)
  callable('model.apply', model.apply)
  optionalCallable('model.key', model.key)
  optionalCallable('model.equals', model.equals)
  const settings = checkOptions('options', options)
  known('options', settings, ['steps'])
  const steps =
    settings.steps === undefined
      ? DEFAULT_MODEL_STEPS
      : integer('options.steps', 1, Number.MAX_SAFE_INTEGER, settings.steps)
  return {
    check: (operations) => {
      checkOperations(operations)
      return check(model, operations, steps)
    },
  }
}

function checkOperations(operations: readonly HistoryOperation[]): void {
  list('operations', operations, 'a list of operations')
  operations.forEach((operation, index) => {
    const field = `operations[${index}]`
    const { client, outcome, called, returned } = object<HistoryOperation>(field, operation)
    text(`${field}.client`, client)
    oneOf(`${field}.outcome`, ['returned', 'failed', 'unknown'], outcome)
    finite(`${field}.called`, called)
    if (outcome !== 'returned') return
    if (finite(`${field}.returned`, returned) < called) {
      throw new InvalidArgumentError(`${field}.returned`, `not before its call (${called})`, returned)
    }
  })
}

function check<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly HistoryOperation<Input, Output>[],
  steps: number,
): LinearizabilityResult<Input, Output> {
  const equals = model.equals?.bind(model) ?? isDeepStrictEqual
  for (const [key, those] of byKey(model, operations)) {
    const { verdict, blocked } = new KeySearch(model, those, equals).run(steps)
    if (verdict === 'undecided') return { verdict, key, text: undecidedText(key, those.length, steps) }
    if (blocked === undefined) continue
    const operation = those[blocked.operation] as HistoryOperation<Input, Output>
    const violation: HistoryViolation<Input, Output> = {
      key,
      operation,
      before: blocked.order.map((number) => those[number] as HistoryOperation<Input, Output>),
      expected: blocked.expected,
      concurrent: those.filter((other) => other !== operation && overlaps(other, operation)),
    }
    return { verdict, key, violation, text: violationText(violation) }
  }
  return { verdict: 'linearizable', text: `linearizable: ${operations.length} operations` }
}

/** Returns the operations of each key that may have had an effect, in the order in which the keys first occur. */
function byKey<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly HistoryOperation<Input, Output>[],
): Map<string | number | undefined, HistoryOperation<Input, Output>[]> {
  const keys = new Map<string | number | undefined, HistoryOperation<Input, Output>[]>()
  for (const operation of operations) {
    if (operation.outcome === 'failed') continue
    const key = model.key?.(operation.input)
    const those = keys.get(key)
    if (those === undefined) keys.set(key, [operation])
    else those.push(operation)
  }
  return keys
}

/** Returns whether neither operation returned before the other was called. */
function overlaps(one: HistoryOperation, other: HistoryOperation): boolean {
  return one.called <= endOf(other) && other.called <= endOf(one)
}

const endOf = ({ outcome, returned }: HistoryOperation): number =>
  outcome === 'returned' ? (returned as number) : Infinity
