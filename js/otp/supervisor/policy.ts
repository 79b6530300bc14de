import {
  callable,
  finite,
  flag,
  integer,
  known,
  options as checkOptions,
  positiveMillis,
  text,
} from '../../arguments.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { scratch } from '../../native.ts'
import { timeoutOf } from '../start.ts'
import { DuplicateChildError, InvalidSimpleOneForOneConfigError, MissingChildTemplateError } from './errors.ts'
import type { ChildPolicy, ChildSpec, ChildTemplate, RestartBackoff, SupervisorOptions } from './types.ts'

export const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one'] as const
const RESTARTS = ['permanent', 'transient', 'temporary'] as const
export const AUTO_SHUTDOWNS = ['never', 'any_significant', 'all_significant'] as const
const SCOPES = ['supervisor', 'child'] as const

const POLICY = ['start', 'restart', 'shutdownTimeout', 'significant', 'startTimeout', 'backoff']
const OPTIONS = [
  'strategy',
  'children',
  'childTemplate',
  'restartIntensity',
  'name',
  'autoShutdown',
  'backoff',
  'system',
]

const SHUTDOWN_TIMEOUT = 5000
const MAX_RESTARTS = 3
const WITHIN_MS = 5000
const FACTOR = 2
const JITTER = 0.5

function oneOf<T extends string>(field: string, known_: readonly T[], value: unknown): T {
  const found = value === undefined ? known_[0] : known_.find((one) => one === value)
  if (found !== undefined) return found
  throw new InvalidArgumentError(field, `one of ${known_.join(', ')}`, value)
}

function checkBackoff(field: string, backoff: RestartBackoff): void {
  known(field, checkOptions(field, backoff), ['initialMs', 'maxMs', 'factor', 'jitter'])
  const { initialMs, maxMs, factor = FACTOR, jitter = JITTER } = backoff
  if (finite(`${field}.initialMs`, initialMs) < 0) {
    throw new InvalidArgumentError(`${field}.initialMs`, 'a number of milliseconds from 0', initialMs)
  }
  if (finite(`${field}.maxMs`, maxMs) < initialMs) {
    throw new InvalidArgumentError(`${field}.maxMs`, 'at least initialMs', maxMs)
  }
  if (finite(`${field}.factor`, factor) < 1) throw new InvalidArgumentError(`${field}.factor`, 'at least 1', factor)
  if (!(jitter >= 0 && jitter <= 1)) throw new InvalidArgumentError(`${field}.jitter`, 'from 0 to 1', jitter)
}

/** Refuses what is no policy of a child. */
export function checkPolicy(field: string, policy: ChildPolicy & { start: unknown }, autoShutdown: string): void {
  callable(`${field}.start`, policy.start)
  const restart = oneOf(`${field}.restart`, RESTARTS, policy.restart)
  if (policy.shutdownTimeout !== 'brutal_kill') {
    timeoutOf(`${field}.shutdownTimeout`, policy.shutdownTimeout, SHUTDOWN_TIMEOUT)
  }
  timeoutOf(`${field}.startTimeout`, policy.startTimeout, Infinity)
  if (policy.backoff !== undefined) checkBackoff(`${field}.backoff`, policy.backoff)
  if (!flag(`${field}.significant`, false, policy.significant)) return
  if (autoShutdown === 'never') {
    throw new InvalidArgumentError(`${field}.significant`, 'false unless the supervisor has an autoShutdown', true)
  }
  if (restart === 'permanent') {
    throw new InvalidArgumentError(`${field}.significant`, 'false for a permanent child, which never ends', true)
  }
}

/** A specification that keeps the rules. */
export function checkSpec(field: string, spec: unknown, autoShutdown: string): ChildSpec {
  if (typeof spec !== 'object' || spec === null) throw new InvalidArgumentError(field, 'a ChildSpec', spec)
  known(field, spec, ['id', ...POLICY])
  text(`${field}.id`, (spec as ChildSpec).id)
  checkPolicy(field, spec as ChildSpec, autoShutdown)
  return spec as ChildSpec
}

/** What a supervisor was asked to be, with the defaults. */
export interface Plan {
  readonly strategy: number
  readonly isSimple: boolean
  readonly autoShutdown: (typeof AUTO_SHUTDOWNS)[number]
  readonly maxRestarts: number
  readonly withinMs: number
  readonly eachChild: boolean
  readonly children: readonly ChildSpec[]
  readonly template: ChildTemplate<unknown[]> | undefined
  readonly backoff: RestartBackoff | undefined
}

/** Refuses what does not fit together. */
export function planOf(supervisorId: string, given: SupervisorOptions): Plan {
  known('options', given, OPTIONS)
  const strategy = oneOf('options.strategy', STRATEGIES, given.strategy)
  const autoShutdown = oneOf('options.autoShutdown', AUTO_SHUTDOWNS, given.autoShutdown)
  const isSimple = strategy === 'simple_one_for_one'
  const intensity = checkOptions('options.restartIntensity', given.restartIntensity)
  known('options.restartIntensity', intensity, ['maxRestarts', 'withinMs', 'scope'])
  const { maxRestarts = MAX_RESTARTS, withinMs = WITHIN_MS } = intensity
  integer('options.restartIntensity.maxRestarts', 0, 2 ** 32 - 1, maxRestarts)
  positiveMillis('options.restartIntensity.withinMs', withinMs)
  const scope = oneOf('options.restartIntensity.scope', SCOPES, intensity.scope)
  if (given.name !== undefined) text('options.name', given.name)
  if (given.backoff !== undefined) checkBackoff('options.backoff', given.backoff)
  const { children = [], childTemplate } = given
  if (!Array.isArray(children)) throw new InvalidArgumentError('options.children', 'a list of ChildSpecs', children)
  if (isSimple) {
    if (childTemplate === undefined) throw new MissingChildTemplateError(supervisorId)
    if (children.length > 0) {
      throw new InvalidSimpleOneForOneConfigError(supervisorId, 'static children are not allowed')
    }
    known('options.childTemplate', checkOptions('options.childTemplate', childTemplate), POLICY)
    checkPolicy('options.childTemplate', childTemplate, autoShutdown)
  } else if (childTemplate !== undefined) {
    throw new InvalidArgumentError(
      'options.childTemplate',
      'left out unless strategy is simple_one_for_one',
      childTemplate,
    )
  }
  const ids = new Set<string>()
  for (const [index, spec] of children.entries()) {
    const { id } = checkSpec(`options.children[${index}]`, spec, autoShutdown)
    if (ids.has(id)) throw new DuplicateChildError(supervisorId, id)
    ids.add(id)
  }
  return {
    strategy: STRATEGIES.indexOf(strategy),
    isSimple,
    autoShutdown,
    maxRestarts,
    withinMs,
    eachChild: scope === 'child',
    children: children as readonly ChildSpec[],
    template: childTemplate as unknown as ChildTemplate<unknown[]> | undefined,
    backoff: given.backoff,
  }
}

/** Writes a policy to where the next call into the core reads it. */
export function writePolicy(policy: ChildPolicy, plan: Plan): void {
  const { shutdownTimeout = SHUTDOWN_TIMEOUT, startTimeout = Infinity, backoff = plan.backoff } = policy
  scratch[0] = RESTARTS.indexOf(policy.restart ?? 'permanent')
  scratch[1] = shutdownTimeout === 'brutal_kill' ? -1 : shutdownTimeout
  scratch[2] = 0
  scratch[3] = policy.significant === true ? 1 : 0
  scratch[4] = startTimeout === Infinity ? -1 : startTimeout
  scratch[5] = backoff === undefined ? 0 : 1
  if (backoff === undefined) return
  scratch[6] = backoff.initialMs
  scratch[7] = backoff.maxMs
  scratch[8] = backoff.factor ?? FACTOR
  scratch[9] = backoff.jitter ?? JITTER
}
