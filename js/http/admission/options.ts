import {
  flag,
  integer,
  isA,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
  text,
} from '../../internal/validate.ts'
import { Atrion } from '../../atrion/atrion.ts'
import { type Priority, voltageOf } from '../../atrion/priority.ts'
import type { AdmissionConfig, Shed } from '../../atrion/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { assertSystem, type System } from '../../system/system.ts'

/**
 * Options of a gate in front of a framework's requests. A function of yours that throws is reported, and counts as if
 * it were not given.
 */
export interface GateOptions<Req, Res, Handler> {
  /** Whose gates to use. Default: one that all middlewares of the system share. */
  readonly atrion?: Atrion | undefined
  /** The system whose Atrion to use. Default: the default system. Not together with `atrion`. */
  readonly system?: System
  /** Constants for an Atrion of its own, instead of the shared one. Not together with `atrion`. */
  readonly admission?: AdmissionConfig | undefined
  /** The gate's name, at most 256 characters. Default: the matched pattern of the mount, or `'app'` for an app. */
  readonly name?: string | undefined
  /** One gate for each key, such as a tenant or an API key. `undefined` is the gate without a key. */
  readonly key?: ((req: Req) => string | undefined) | undefined
  /** How important a request is: a priority or a voltage, or a function that tells. Default `'normal'`. */
  readonly priority?: Priority | number | ((req: Req) => Priority | number | undefined) | undefined
  /** A request is counted as failed and its place is freed after this, in milliseconds. Default: the Atrion's. */
  readonly timeoutMs?: number | undefined
  /** Longest wait for a place, in milliseconds; the gate's own queue deadline also holds. Default: only that. */
  readonly maxWaitMs?: number | undefined
  /** Requests that pass without being counted: health checks, endless streams. Default: none. */
  readonly skip?: ((req: Req) => boolean) | undefined
  /** Status of a refusal, 400 to 599. Default 503. */
  readonly statusCode?: number | undefined
  /** Answers refused requests instead of the short JSON. */
  readonly handler?: Handler | undefined
  /** Admits everything, and measures, counts and tells `onShed` what would have been refused. Default false. */
  readonly shadow?: boolean | undefined
  /** Whether a finished response counts as a failure. Default: a status of 500 or above. */
  readonly isFailure?: ((req: Req, res: Res) => boolean) | undefined
  /** Told of each refusal, before it is answered. */
  readonly onShed?: ((req: Req, shed: Shed) => void) | undefined
}

/** Checked options. */
export interface Settings<Req, Res, Handler> {
  readonly atrion: Atrion | undefined
  readonly system: System | undefined
  readonly name: string | undefined
  readonly key: GateOptions<Req, Res, Handler>['key']
  readonly priority: Priority | number | undefined
  readonly priorityOf: ((req: Req) => Priority | number | undefined) | undefined
  readonly timeoutMs: number | undefined
  readonly maxWaitMs: number | undefined
  readonly skip: GateOptions<Req, Res, Handler>['skip']
  readonly statusCode: number
  readonly handler: Handler | undefined
  readonly shadow: boolean
  readonly isFailure: GateOptions<Req, Res, Handler>['isFailure']
  readonly onShed: GateOptions<Req, Res, Handler>['onShed']
}

const NAMES = [
  'atrion',
  'system',
  'admission',
  'name',
  'key',
  'priority',
  'timeoutMs',
  'maxWaitMs',
  'skip',
  'statusCode',
  'handler',
  'shadow',
  'isFailure',
  'onShed',
] as const satisfies (keyof GateOptions<never, never, never>)[]

/** Leaves room for a key in a route's name, which has at most 512 characters. */
export const MAX_NAME = 256

/** Refuses what cannot be used, naming the field. */
export function settingsOf<Req, Res, Handler extends (...args: never[]) => unknown>(
  options: GateOptions<Req, Res, Handler> | undefined,
): Settings<Req, Res, Handler> {
  const given: GateOptions<Req, Res, Handler> = checkOptions('options', options)
  known('options', given, NAMES)
  const { priority } = given
  if (typeof priority !== 'function') voltageOf('options.priority', priority)
  const millis = (field: 'timeoutMs' | 'maxWaitMs'): number | undefined =>
    given[field] === undefined ? undefined : positiveMillis(`options.${field}`, given[field])
  return {
    ...sourceOf(given),
    name: given.name === undefined ? undefined : nameOf(given.name),
    key: optionalCallable('options.key', given.key),
    priority: typeof priority === 'function' ? undefined : priority,
    priorityOf: typeof priority === 'function' ? priority : undefined,
    timeoutMs: millis('timeoutMs'),
    maxWaitMs: millis('maxWaitMs'),
    skip: optionalCallable('options.skip', given.skip),
    statusCode: given.statusCode === undefined ? 503 : integer('options.statusCode', 400, 599, given.statusCode),
    handler: optionalCallable('options.handler', given.handler),
    shadow: flag('options.shadow', false, given.shadow),
    isFailure: optionalCallable('options.isFailure', given.isFailure),
    onShed: optionalCallable('options.onShed', given.onShed),
  }
}

/** Whose gates: the given Atrion, one of its own, or (both undefined) the default system's. */
function sourceOf({
  atrion,
  system,
  admission,
}: Pick<GateOptions<unknown, unknown, unknown>, 'atrion' | 'system' | 'admission'>): {
  atrion: Atrion | undefined
  system: System | undefined
} {
  if (system !== undefined) assertSystem('options.system', system)
  if (atrion === undefined) {
    if (admission === undefined) return { atrion, system }
    return { atrion: new Atrion({ admission, ...(system && { system }) }), system }
  }
  if (!isA(atrion, Atrion)) throw new InvalidArgumentError('options.atrion', 'an Atrion', atrion)
  const beside = system === undefined ? admission && 'admission' : 'system'
  if (beside !== undefined) {
    throw new InvalidArgumentError(`options.${beside}`, 'left out beside options.atrion', system ?? admission)
  }
  return { atrion, system }
}

function nameOf(name: unknown): string {
  const checked = text('options.name', name)
  if (checked.length <= MAX_NAME) return checked
  throw new InvalidArgumentError('options.name', `at most ${MAX_NAME} characters long`, name)
}
