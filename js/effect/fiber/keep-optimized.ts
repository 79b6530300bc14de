/** One of each thing that effects make and drop all the time: see `kept`. */
import type { Clock } from '../../clock/types.ts'
import { kept } from '../../internal/keep-optimized.ts'
import { warnOwner } from '../../internal/report-error.ts'
import { Body, Env } from './body.ts'
import { Effect, Fiber as Handle } from '../effect.ts'
import { Fiber } from './fiber.ts'
import { FAIL } from './op.ts'
import { EffectRuntime } from './runtime.ts'
import { resultOf } from './settle.ts'

const runtime = new EffectRuntime({} as Clock, undefined, warnOwner)
const fiber = new Fiber(runtime, undefined, runtime.clock, '', undefined, undefined)
const ended = { kind: 0, value: undefined, reason: undefined } as const
kept.push(
  runtime,
  fiber,
  new Fiber(runtime, fiber, runtime.clock, '', undefined, fiber),
  new Body(fiber, 0, false),
  new Env(fiber),
  new Handle(fiber),
  new Effect(FAIL, undefined, undefined, undefined),
  resultOf(ended),
)
