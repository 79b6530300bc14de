import { callable, millis, text, timeout as timeoutOf } from '../internal/validate.ts'
import { ASK_TIMEOUT, checkSpec } from './options.ts'
import { ProcessError } from './errors.ts'
import { refOf } from './ref.ts'
import type { ProcessRef, Tools } from './types.ts'
import { Unit } from './process.ts'

/** What the handler of a process is given. */
export function toolsOf(unit: Unit): Tools {
  const assertAlive = (): void => {
    if (!unit.takesMail && unit.inside === undefined) throw new ProcessError('The process has ended', unit.id)
  }
  return {
    clock: unit.host.clock,
    journal: unit.journal,
    emit: unit.teller.observed ? (event) => unit.teller.tell(event) : undefined,
    ctx: unit.ctx,
    spawn(spec, ctx) {
      assertAlive()
      unit.host.assertOpen()
      const { host, journal } = unit
      const { emit } = unit.teller
      return spawnUnit(new Unit(host, checkSpec(spec), ctx, { emit, journal, parent: unit }))
    },
    ask(description, executor, timeout) {
      text('description', description)
      callable('executor', executor)
      const timeoutMs = timeoutOf('timeout', ASK_TIMEOUT, timeout)
      assertAlive()
      return unit.belongings.ask(description, executor, timeoutMs)
    },
    schedule(after, message) {
      const delay = Math.max(millis('after', after), 0)
      // While a stop waits for the handler that runs, what it schedules would never be handled.
      if (!unit.takesMail && unit.inside !== undefined) return { cancel: () => {} }
      assertAlive()
      return unit.belongings.schedule(delay, `a message to ${unit.label}`, () => unit.deliver(message))
    },
  }
}

/** Completes a process that was made: its tools, and what its users hold. */
export function spawnUnit(unit: Unit): ProcessRef {
  unit.tools = toolsOf(unit)
  return refOf(unit)
}
