import { Atrion } from '../../atrion/atrion.ts'
import { type Priority, voltageOf } from '../../atrion/priority.ts'
import type { AdmissionConfig, Shed } from '../../atrion/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
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
import { assertSystem, type System } from '../../system/system.ts'

/**
 * Options of a gate in front of a framework's requests. A function of yours that throws, or returns a promise, is
 * reported, and counts as if it were not given.
 */
export interface HttpAdmissionOptions<Req, Res, Handler> {
  /** The Atrion whose gates decide. Default: one that all middlewares of the system share. */
  readonly atrion?: Atrion | undefined
  /** The system whose shared Atrion decides. Default: the default system. Not together with `atrion`. */
  readonly system?: System
  /** Constants for an Atrion of this middleware alone, instead of the shared one. Not together with `atrion`. */
  readonly admission?: AdmissionConfig | undefined
  /** The gate's name, at most 256 characters. Default: the matched pattern of the mount, or `'app'` for an app. */
  readonly name?: string | undefined
  /**
   * Returns a key, such as a tenant or an API key, whose requests get a gate of their own. Default: one gate for all.
   */
  readonly key?: ((req: Req) => string | undefined) | undefined
  /** The importance of a request: a priority, a voltage, or a function that returns one. Default `'normal'`. */
  readonly priority?: Priority | number | ((req: Req) => Priority | number | undefined) | undefined
  /** A request that takes longer counts as failed and frees its place, in milliseconds. Default: the Atrion's. */
  readonly timeoutMs?: number | undefined
  /**
   * Longest wait for a place, in milliseconds. Default: as long as the gate's own queue deadline, which always holds.
   */
  readonly maxWaitMs?: number | undefined
  /** Returns true for requests that pass without being counted: health checks, endless streams. Default: none. */
  readonly skip?: ((req: Req) => boolean) | undefined
  /** Status of a refusal, 400 to 599. Default 503. */
  readonly statusCode?: number | undefined
  /** Answers a refused request. Default: `statusCode` with a short JSON body and `Retry-After`. */
  readonly handler?: Handler | undefined
  /** Admits every request, and tells `onShed` which ones would have been refused. Default false. */
  readonly shadow?: boolean | undefined
  /** Returns whether a finished response counts as a failure. Default: a status of 500 or above does. */
  readonly isFailure?: ((req: Req, res: Res) => boolean) | undefined
  /** Called with each refusal, before it is answered. What it throws is reported. Default: none. */
  readonly onShed?: ((req: Req, shed: Shed) => void) | undefined
}

/** Checked options. */
export interface AdmissionSettings<Req, Res, Handler> {
  readonly atrion: Atrion | undefined
  readonly system: System | undefined
  readonly name: string | undefined
  readonly key: HttpAdmissionOptions<Req, Res, Handler>['key']
  readonly voltage: number
  readonly priorityOf: ((req: Req) => Priority | number | undefined) | undefined
  readonly timeoutMs: number | undefined
  readonly maxWaitMs: number
  readonly skip: HttpAdmissionOptions<Req, Res, Handler>['skip']
  readonly statusCode: number
  readonly handler: Handler | undefined
  readonly shadow: boolean
  readonly isFailure: HttpAdmissionOptions<Req, Res, Handler>['isFailure']
  readonly onShed: HttpAdmissionOptions<Req, Res, Handler>['onShed']
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
] as const satisfies (keyof HttpAdmissionOptions<never, never, never>)[]

/** Leaves room for a key in a route's name, which has at most 512 characters. */
export const MAX_GATE_NAME = 256

/** Checks the options. Throws InvalidArgumentError, naming the option, for one that cannot be used. */
export function admissionSettings<Req, Res, Handler extends (...args: never[]) => unknown>(
  options: HttpAdmissionOptions<Req, Res, Handler> | undefined,
): AdmissionSettings<Req, Res, Handler> {
  const opts: HttpAdmissionOptions<Req, Res, Handler> = checkOptions('options', options)
  known('options', opts, NAMES)
  const { priority } = opts
  const voltage = voltageOf('options.priority', typeof priority === 'function' ? undefined : priority)
  const millis = (field: 'timeoutMs' | 'maxWaitMs'): number | undefined =>
    opts[field] === undefined ? undefined : positiveMillis(`options.${field}`, opts[field])
  return {
    ...sourceOf(opts),
    name: opts.name === undefined ? undefined : checkedName(opts.name),
    key: optionalCallable('options.key', opts.key),
    voltage,
    priorityOf: typeof priority === 'function' ? priority : undefined,
    timeoutMs: millis('timeoutMs'),
    maxWaitMs: millis('maxWaitMs') ?? Infinity,
    skip: optionalCallable('options.skip', opts.skip),
    statusCode: opts.statusCode === undefined ? 503 : integer('options.statusCode', 400, 599, opts.statusCode),
    handler: optionalCallable('options.handler', opts.handler),
    shadow: flag('options.shadow', false, opts.shadow),
    isFailure: optionalCallable('options.isFailure', opts.isFailure),
    onShed: optionalCallable('options.onShed', opts.onShed),
  }
}

/** Returns the Atrion of the options or a new one for `admission`; neither means the shared one of a system. */
function sourceOf({
  atrion,
  system,
  admission,
}: Pick<HttpAdmissionOptions<unknown, unknown, unknown>, 'atrion' | 'system' | 'admission'>): {
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

function checkedName(name: unknown): string {
  const gateName = text('options.name', name)
  if (gateName.length <= MAX_GATE_NAME) return gateName
  throw new InvalidArgumentError('options.name', `at most ${MAX_GATE_NAME} characters long`, name)
}
