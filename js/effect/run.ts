import { abortSignal, fieldOf, isA, known, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { soon } from '../clock/host.ts'
import type { Clock } from '../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertClock, assertSystem, type System } from '../system/system.ts'
import { Env } from './fiber/body.ts'
import type { Context } from './context.ts'
import { bodyOf } from './fiber/ambient.ts'
import { currentFiber, Fiber, NESTED } from './fiber/fiber.ts'
import { ERR, INTERRUPTED, type Op } from './fiber/op.ts'
import { runtimeOf, runtimeOfClock } from './fiber/runtime.ts'
import type { Ended, Settle } from './fiber/settle.ts'
import { whenAborted } from '../internal/abort-hub.ts'

/** What a run is given. */
export interface EffectRunOptions {
  /** Its time. Default: that of the effect around it, or of the system. */
  readonly clock?: Clock | undefined
  /** What it belongs to. Default: that of the effect around it, or of the clock, or the default system. */
  readonly system?: System
  /** Interrupts it; its reason becomes the reason. */
  readonly signal?: AbortSignal | undefined
  /** Values that flow into it. */
  readonly context?: Context | undefined
  /** How long a finaliser, or what one waits for, may take. Default 30 000 ms. */
  readonly finalizerTimeoutMs?: number | undefined
}

const OPTIONS = ['clock', 'system', 'signal', 'context', 'finalizerTimeoutMs']
const NONE: EffectRunOptions = {}

/** Runs an effect: as a child of the effect that the caller is part of, if there is one. Rejects for refused options. */
export function runOp(op: Op, given: EffectRunOptions | undefined, settle: Settle): Promise<unknown> {
  let options = NONE
  let signal: AbortSignal | undefined
  let parent = (currentFiber() ?? bodyOf()) as Fiber | undefined
  if (given !== undefined) {
    const env = Env.fiberOf(given) as Fiber | undefined
    if (env !== undefined) parent = env.closing && !env.interrupted ? parent : env
    else {
      try {
        options = checked(given)
        signal = abortSignal('options.signal', options.signal)
      } catch (error) {
        return Promise.reject(error as Error)
      }
      if (signal?.aborted === true) return settled(interrupted(signal.reason), settle)
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
    return refused(parent, host.system, settle)
  }
  const fiber = new Fiber(
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
  if (fiber.done) return settled(fiber, settle)
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

const interrupted = (reason: unknown): Ended => ({ kind: INTERRUPTED, value: undefined, reason })

function settled(ended: Ended, settle: Settle): Promise<unknown> {
  try {
    return Promise.resolve(settle(ended))
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

/** Nothing begins in a fibre that ends. Told a turn later, so that a loop which ignores it does not hold the event loop. */
function refused(parent: Fiber | undefined, system: System, settle: Settle): Promise<unknown> {
  if (parent === undefined) {
    return settled({ kind: ERR, value: new ClosedError(`the system ${system.name}`), reason: undefined }, settle)
  }
  return new Promise((resolve) => {
    soon(() => resolve(settled(interrupted(parent.reason), settle)))
  })
}

function checked(given: EffectRunOptions): EffectRunOptions {
  const options = checkOptions('options', given)
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
