/** Checks the options of supervisors and specifications of children, each part read once. */
import {
  callable,
  duration,
  finite,
  flag,
  integer,
  isList,
  known,
  object,
  options as checkOptions,
  positiveMillis,
  text,
  timeout,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { type AuditJournal, checkAuditJournal } from '../../system/audit.ts'
import { scratch } from '../../native.ts'
import {
  AUTO_SHUTDOWNS,
  NO_START_TIMEOUT,
  POLICY_CELLS,
  POLICY_DELAYS,
  POLICY_FACTOR,
  POLICY_INITIAL,
  POLICY_JITTER,
  POLICY_LONGEST,
  POLICY_RESTART,
  POLICY_SHUTDOWN,
  POLICY_SIGNIFICANT,
  POLICY_START_TIMEOUT,
  RESTARTS,
  SCOPES,
  SHUTDOWN_KILLS,
  STRATEGIES,
} from '../../protocol/supervisor.ts'
import { DuplicateChildError, InvalidSimpleOneForOneConfigError, MissingChildTemplateError } from './errors.ts'
import { MAX_RESTARTS, SHUTDOWN_TIMEOUT, WITHIN_MS } from './limits.ts'
import type { ChildPolicy, ChildSpec, ChildTemplate, RestartBackoff, SupervisorOptions } from './types.ts'

const POLICY = ['start', 'restart', 'shutdownTimeout', 'significant', 'startTimeout', 'backoff']
const OPTIONS = [
  'strategy',
  'children',
  'childTemplate',
  'restartIntensity',
  'name',
  'autoShutdown',
  'backoff',
  'journal',
  'system',
]

const FACTOR = 2
const JITTER = 0.5

function optionalOneOf<T extends string>(field: string, names: readonly T[], value: unknown): T {
  const found = value === undefined ? names[0] : names.find((name) => name === value)
  if (found !== undefined) return found
  throw new InvalidArgumentError(field, `one of ${names.join(', ')}`, value)
}

/** A back-off with its defaults. Jitter is a share of the delay here; in `keelson/process` it is a percentage. */
type Delays = Required<RestartBackoff>

function delaysOf(field: string, backoff: RestartBackoff): Delays {
  known(field, checkOptions(field, backoff), ['initialMs', 'maxMs', 'factor', 'jitter'])
  const { initialMs, maxMs, factor = FACTOR, jitter = JITTER } = backoff
  duration(`${field}.initialMs`, initialMs)
  if (duration(`${field}.maxMs`, maxMs) < initialMs) {
    throw new InvalidArgumentError(`${field}.maxMs`, 'at least initialMs', maxMs)
  }
  if (finite(`${field}.factor`, factor) < 1) throw new InvalidArgumentError(`${field}.factor`, 'at least 1', factor)
  if (!(finite(`${field}.jitter`, jitter) >= 0 && jitter <= 1)) {
    throw new InvalidArgumentError(`${field}.jitter`, 'from 0 to 1', jitter)
  }
  return { initialMs, maxMs, factor, jitter }
}

/** A policy that was checked and copied: later changes of the user's object have no effect. */
export interface CheckedPolicy {
  readonly start: (...args: unknown[]) => unknown
  readonly startTimeout: number
  /** True if the specification says how long a stop may take. */
  readonly isShutdownGiven: boolean
  /** The cells that the core reads. */
  readonly numbers: Float64Array
}

/**
 * Checks a policy and copies it.
 *
 * @throws InvalidArgumentError naming the field that is refused.
 */
export function checkPolicy(
  field: string,
  policy: ChildPolicy & { readonly start: unknown },
  supervisor: Pick<SupervisorPlan, 'autoShutdown' | 'delays'>,
): CheckedPolicy {
  const { start, restart, shutdownTimeout, startTimeout, significant, backoff } = policy
  callable(`${field}.start`, start)
  const when = optionalOneOf(`${field}.restart`, RESTARTS, restart)
  const stops =
    shutdownTimeout === 'brutal_kill'
      ? SHUTDOWN_KILLS
      : timeout(`${field}.shutdownTimeout`, SHUTDOWN_TIMEOUT, shutdownTimeout)
  const startsWithin = timeout(`${field}.startTimeout`, Infinity, startTimeout)
  const delays = backoff === undefined ? supervisor.delays : delaysOf(`${field}.backoff`, backoff)
  const isSignificant = flag(`${field}.significant`, false, significant)
  if (isSignificant && supervisor.autoShutdown === 'never') {
    throw new InvalidArgumentError(`${field}.significant`, 'false unless the supervisor has an autoShutdown', true)
  }
  if (isSignificant && when === 'permanent') {
    throw new InvalidArgumentError(`${field}.significant`, 'false for a permanent child, which never ends', true)
  }
  const numbers = new Float64Array(POLICY_CELLS)
  numbers[POLICY_RESTART] = RESTARTS.indexOf(when)
  numbers[POLICY_SHUTDOWN] = stops
  numbers[POLICY_SIGNIFICANT] = isSignificant ? 1 : 0
  numbers[POLICY_START_TIMEOUT] = startsWithin === Infinity ? NO_START_TIMEOUT : startsWithin
  if (delays !== undefined) {
    numbers[POLICY_DELAYS] = 1
    numbers[POLICY_INITIAL] = delays.initialMs
    numbers[POLICY_LONGEST] = delays.maxMs
    numbers[POLICY_FACTOR] = delays.factor
    numbers[POLICY_JITTER] = delays.jitter
  }
  return {
    start: start as CheckedPolicy['start'],
    startTimeout: startsWithin,
    isShutdownGiven: shutdownTimeout !== undefined,
    numbers,
  }
}

/** A specification of a child that was checked. */
export interface CheckedChild {
  readonly id: string
  readonly spec: ChildSpec
  readonly policy: CheckedPolicy
}

/**
 * Checks a specification and copies it.
 *
 * @throws InvalidArgumentError naming the field that is refused.
 */
export function checkSpec(
  field: string,
  value: unknown,
  supervisor: Pick<SupervisorPlan, 'autoShutdown' | 'delays'>,
): CheckedChild {
  const spec = object<ChildSpec>(field, value, 'a ChildSpec')
  known(field, spec, ['id', ...POLICY])
  return { id: text(`${field}.id`, spec.id), spec, policy: checkPolicy(field, spec, supervisor) }
}

/** The options of a supervisor that were checked, with their defaults. */
export interface SupervisorPlan {
  readonly strategy: number
  readonly isSimple: boolean
  readonly autoShutdown: (typeof AUTO_SHUTDOWNS)[number]
  readonly maxRestarts: number
  readonly withinMs: number
  /** The core's number of the scope in which restarts are counted. */
  readonly scope: number
  readonly children: readonly CheckedChild[]
  readonly template: { readonly spec: ChildTemplate; readonly policy: CheckedPolicy } | undefined
  /** The back-off of children that have none of their own. */
  readonly delays: Delays | undefined
  /** The journal of its lifecycle events. */
  readonly journal: AuditJournal | undefined
}

/**
 * Checks the options of a supervisor.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @throws MissingChildTemplateError, InvalidSimpleOneForOneConfigError or DuplicateChildError when options do not fit
 * together.
 */
export function planOf(supervisorId: string, options: SupervisorOptions): SupervisorPlan {
  known('options', options, OPTIONS)
  const strategy = optionalOneOf('options.strategy', STRATEGIES, options.strategy)
  const autoShutdown = optionalOneOf('options.autoShutdown', AUTO_SHUTDOWNS, options.autoShutdown)
  const isSimple = strategy === 'simple_one_for_one'
  const intensity = checkOptions('options.restartIntensity', options.restartIntensity)
  known('options.restartIntensity', intensity, ['maxRestarts', 'withinMs', 'scope'])
  const { maxRestarts = MAX_RESTARTS, withinMs = WITHIN_MS, scope: counted } = intensity
  integer('options.restartIntensity.maxRestarts', 0, 2 ** 32 - 1, maxRestarts)
  positiveMillis('options.restartIntensity.withinMs', withinMs)
  const scope = optionalOneOf('options.restartIntensity.scope', SCOPES, counted)
  if (options.name !== undefined) text('options.name', options.name)
  const journal = options.journal === undefined ? undefined : checkAuditJournal('options.journal', options.journal)
  const { children = [], childTemplate, backoff } = options
  const delays = backoff === undefined ? undefined : delaysOf('options.backoff', backoff)
  if (!isList(children)) throw new InvalidArgumentError('options.children', 'a list of ChildSpecs', children)
  const common = { autoShutdown, delays }
  let template: SupervisorPlan['template']
  if (isSimple) {
    if (childTemplate === undefined) throw new MissingChildTemplateError(supervisorId)
    if (children.length > 0) {
      throw new InvalidSimpleOneForOneConfigError(supervisorId, 'static children are not allowed')
    }
    known('options.childTemplate', checkOptions('options.childTemplate', childTemplate), POLICY)
    template = { spec: childTemplate, policy: checkPolicy('options.childTemplate', childTemplate, common) }
  } else if (childTemplate !== undefined) {
    throw new InvalidArgumentError(
      'options.childTemplate',
      'left out unless strategy is simple_one_for_one',
      childTemplate,
    )
  }
  const ids = new Set<string>()
  const checked: CheckedChild[] = []
  for (const [index, spec] of children.entries()) {
    const child = checkSpec(`options.children[${index}]`, spec, common)
    if (ids.has(child.id)) throw new DuplicateChildError(supervisorId, child.id)
    ids.add(child.id)
    checked.push(child)
  }
  return {
    strategy: STRATEGIES.indexOf(strategy),
    isSimple,
    autoShutdown,
    maxRestarts,
    withinMs,
    scope: SCOPES.indexOf(scope),
    children: checked,
    template,
    delays,
    journal,
  }
}

/** Writes a policy to the memory that the next call into the core reads. */
export function writePolicy(policy: CheckedPolicy): void {
  scratch.set(policy.numbers)
}
