/** Runs an effect: checks the options, finds its parent, and settles a promise with the outcome. */
import { soon } from '../clock/host.ts'
import type { Clock } from '../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { whenAborted } from '../internal/abort-hub.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { warnOwner } from '../internal/report-error.ts'
import { abortSignal, fieldOf, isA, known, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertClock, assertSystem, type System } from '../system/system.ts'
import type { Context } from './context.ts'
import { ambientFiber } from '../internal/ambient-fiber.ts'
import { Body, FiberEnv } from './fiber/body.ts'
import { currentFiber, FiberCore, NESTED } from './fiber/fiber-core.ts'
import { ERR, INTERRUPTED, OK, type Op } from './fiber/op.ts'
import { EffectRuntime, runtimeOf, runtimeOfClock } from './fiber/runtime.ts'
import { type FiberExit, resultOf, type Settle } from './fiber/settle.ts'

/** Options of `run` and `unsafeRunPromise`. */
export interface EffectRunOptions {
  /** The clock of the run. Default: that of the effect around it, or of the system. */
  readonly clock?: Clock | undefined
  /**
   * The system it belongs to. Default: that of the effect around it, else that of the clock, else the default system.
   */
  readonly system?: System
  /** Interrupts the run when it aborts, with `signal.reason` as the reason. */
  readonly signal?: AbortSignal | undefined
  /** Values for the run, added to those of the effect around it. */
  readonly context?: Context | undefined
  /** The time that a finaliser, or work it waits for, may take, in milliseconds, above 0. Default 30 000. */
  readonly finalizerTimeoutMs?: number | undefined
}

const OPTIONS = ['clock', 'system', 'signal', 'context', 'finalizerTimeoutMs']
const NONE: EffectRunOptions = {}

/** Runs an effect, as a child of the effect that the caller runs in, if there is one. Rejects for refused options. */
export function runOp(op: Op, input: EffectRunOptions | undefined, settle: Settle): Promise<unknown> {
  let options = NONE
  let signal: AbortSignal | undefined
  let parent = (currentFiber() ?? ambientFiber()) as FiberCore | undefined
  if (input !== undefined) {
    const env = FiberEnv.fiberOf(input) as FiberCore | undefined
    if (env !== undefined) parent = env.closing && !env.interrupted ? parent : env
    else {
      try {
        options = checkedOptions(input)
        signal = abortSignal('options.signal', options.signal)
      } catch (error) {
        return Promise.reject(error as Error)
      }
      if (signal?.aborted === true) return settledPromise(interruptedExit(signal.reason), settle)
    }
  }
  const { clock, system } = options
  const host =
    parent?.host ??
    (system !== undefined
      ? runtimeOf(system)
      : clock !== undefined
        ? runtimeOfClock(clock)
        : runtimeOf(getDefaultSystem()))
  if (parent === undefined ? (host as { closed?: boolean }).closed === true : parent.interruptNow || parent.closing) {
    return settleRefused(parent, host.system, settle)
  }
  const fiber = new FiberCore(
    host,
    parent,
    clock ?? parent?.clock ?? host.clock,
    parent === undefined ? 'a run' : NESTED,
    host.site(),
    undefined,
  )
  if (options.context !== undefined) fiber.values = new Map([...fiber.values, ...options.context.values])
  if (options.finalizerTimeoutMs !== undefined) fiber.finalizerTimeoutMs = options.finalizerTimeoutMs
  fiber.start(op)
  if (fiber.done) return settledPromise(fiber, settle)
  return new Promise((resolve, reject) => {
    const stop = whenAborted(signal, (reason) => fiber.interrupt(reason))
    fiber.observe(() => {
      stop()
      try {
        resolve(settle(fiber))
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

const interruptedExit = (reason: unknown): FiberExit => ({ kind: INTERRUPTED, value: undefined, reason })

function settledPromise(exit: FiberExit, settle: Settle): Promise<unknown> {
  try {
    return Promise.resolve(settle(exit))
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

/**
 * Settles a run that may not start, because its system is closed or its parent ends. The parent's case settles a turn
 * of the event loop later, so that a loop which ignores the outcome does not block the event loop.
 */
function settleRefused(parent: FiberCore | undefined, system: System, settle: Settle): Promise<unknown> {
  if (parent === undefined) {
    return settledPromise({ kind: ERR, value: new ClosedError(`the system ${system.name}`), reason: undefined }, settle)
  }
  return new Promise((resolve) => {
    soon(() => resolve(settledPromise(interruptedExit(parent.reason), settle)))
  })
}

function checkedOptions(input: EffectRunOptions): EffectRunOptions {
  const options = checkOptions('options', input)
  known('options', options, OPTIONS)
  const { clock, system, context, finalizerTimeoutMs } = options
  if (clock !== undefined) assertClock('options.clock', clock)
  if (system !== undefined) {
    assertSystem('options.system', system)
    if (clock !== undefined && clock !== system.clock) {
      throw new InvalidArgumentError('options.clock', 'the clock of options.system, or left out', clock)
    }
  }
  if (context !== undefined && !isA(fieldOf(context, 'values'), Map)) {
    throw new InvalidArgumentError('options.context', 'a Context', context)
  }
  if (finalizerTimeoutMs !== undefined) positiveMillis('options.finalizerTimeoutMs', finalizerTimeoutMs)
  return options
}

const idle = new EffectRuntime({} as Clock, undefined, warnOwner)
const idleFiber = new FiberCore(idle, undefined, idle.clock, '', undefined, undefined)
keepOptimized(
  idle,
  idleFiber,
  new FiberCore(idle, idleFiber, idle.clock, '', undefined, idleFiber),
  new Body(idleFiber, 0, false),
  new FiberEnv(idleFiber),
  resultOf({ kind: OK, value: undefined, reason: undefined }),
)
