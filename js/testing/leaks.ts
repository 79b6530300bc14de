import { BaseClock } from '../clock/base.ts'
import { callerFrames, describeSleeper } from '../clock/sleepers.ts'
import type { Body } from '../effect/fiber/body.ts'
import type { FiberNode } from '../effect/fiber/fiber-tree.ts'
import { effectsOf } from '../effect/fiber/systems.ts'
import { lazy } from '../internal/lazy.ts'
import { assertSystem, type System } from '../system/system.ts'
import type * as LeakErrorModule from './leak-error.ts'

const errors = lazy(() => require('./leak-error.ts') as typeof LeakErrorModule)

const madeAt = (site: Error | undefined): string => {
  const frames = callerFrames(site)
  return frames === undefined ? '' : `, created ${frames}`
}

function linesOf(fiber: FiberNode, lines: string[]): void {
  const { waitsFor, finalizers } = fiber
  const waits = waitsFor === undefined ? '' : `, waits for ${typeof waitsFor === 'string' ? waitsFor : waitsFor.id}`
  const within = fiber.parent === undefined ? '' : ` in ${fiber.parent.id}`
  lines.push(`${fiber.id}, ${fiber.what}${within}${waits}${madeAt(fiber.site)}`)
  if (finalizers.length > 0) lines.push(`the scope of ${fiber.id}, open with ${finalizers.length} to run`)
  for (const { site } of finalizers) lines.push(`a finalizer of ${fiber.id}${madeAt(site)}`)
  for (const body of fiber.leftBodies) lines.push(bodyLine(body))
  for (const child of (fiber.children?.reversed() ?? []).toReversed()) linesOf(child, lines)
}

const bodyLine = ({ fiber }: Body): string =>
  `the function of ${fiber.id}, ${fiber.what}, which still runs although it was given up${madeAt(fiber.site)}`

/**
 * Lists what is alive in a system, a line each: fibres with what they wait for, functions that run on although they
 * were given up, open scopes and their finalisers, timers; and where each was made, as far as that is traced. Use it
 * for a test that hangs, too.
 */
export function leaksOf(system: System): string[] {
  assertSystem('system', system)
  const lines: string[] = []
  for (const root of effectsOf(system)?.roots() ?? []) linesOf(root, lines)
  for (const body of effectsOf(system)?.abandoned() ?? []) lines.push(bodyLine(body))
  const { clock } = system
  if (clock instanceof BaseClock)
    for (const sleeper of clock.sleepers()) lines.push(`a timer: ${describeSleeper(sleeper)}`)
  return lines
}

/** Returns the error of a test that left something alive. */
export const leakError = (leaks: readonly string[]): Error => errors().leakError(leaks)

/**
 * Fails when something is alive in a system: a fibre, a function that was given up, a scope, a finaliser or a timer.
 *
 * @throws LeakError with a line for each.
 * @example
 * ```ts
 * test('cleans up', withSystem(async (system) => {
 *   await program.run({ system })
 *   assertNoLeaks(system)
 * }))
 * ```
 */
export function assertNoLeaks(system: System): void {
  const leaks = leaksOf(system)
  if (leaks.length > 0) throw leakError(leaks)
}
