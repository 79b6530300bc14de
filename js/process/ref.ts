import { Call } from '../actor/call.ts'
import { callable, timeout as timeoutOf } from '../internal/validate.ts'
import { ASK_TIMEOUT, checkReason } from './options.ts'
import type { ProcessId, StopReason } from './ids.ts'
import type { Any, ProcessRef, ProcessStatus } from './types.ts'
import type { Unit } from './process.ts'

/** What users hold: an address that stays the same over restarts. */
class UnitRef implements ProcessRef {
  readonly id: ProcessId
  readonly name: string
  readonly #unit: Unit

  constructor(unit: Unit) {
    this.id = unit.id
    this.name = unit.spec.name
    this.#unit = unit
  }

  send(message: unknown): boolean {
    return this.#unit.send(message)
  }

  async stop(reason: StopReason = 'normal'): Promise<void> {
    await this.#unit.stop(checkReason(reason))
  }

  ask<R = Any>(build: (reply: (value: R) => void) => Any, timeout?: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      callable('build', build)
      ask(this.#unit, build, timeoutOf('timeout', ASK_TIMEOUT, timeout), resolve, reject)
    })
  }

  status(): ProcessStatus {
    return this.#unit.phase
  }
}

function ask<R>(
  unit: Unit,
  build: (reply: (value: R) => void) => unknown,
  timeoutMs: number,
  resolve: (value: R) => void,
  reject: (error: unknown) => void,
): void {
  const sent: { call?: Call } = {}
  let answered = false
  const message = build((value) => {
    answered = true
    // One that is answered while it is built is sent all the same, and nobody waits for it.
    if (sent.call === undefined || unit.runtime.settle(sent.call)) resolve(value)
  })
  if (!unit.takesMail) {
    if (!answered) reject(unit.endError())
    return
  }
  if (answered) {
    unit.send(message)
    return
  }
  const request = new Call(unit, message, timeoutMs, resolve as (reply: unknown) => void, reject)
  sent.call = request
  const before = unit.teller.observed ? unit.runtime.mailboxSize(unit) : 0
  unit.runtime.open(request)
  if (unit.teller.observed && unit.runtime.mailboxSize(unit) > before) unit.noteQueued()
}

export const refOf = (unit: Unit): ProcessRef => new UnitRef(unit)
