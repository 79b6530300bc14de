import { callable, millis, text, timeout as timeoutOf } from '../internal/validate.ts'
import { ASK_TIMEOUT, checkSpec } from './options.ts'
import { ProcessError } from './errors.ts'
import { refOf } from './ref.ts'
import type { ProcessRef, Tools } from './types.ts'
import { StatefulProcess } from './process.ts'

/** Returns the tools that a process's handler gets. */
export function toolsOf(process: StatefulProcess): Tools {
  const assertAlive = (): void => {
    if (!process.takesMail && process.currentRun === undefined)
      throw new ProcessError('The process has ended', process.id)
  }
  return {
    clock: process.host.clock,
    journal: process.journal,
    emit: process.notifier.hasListener ? (event) => process.notifier.notify(event) : undefined,
    ctx: process.ctx,
    spawn(spec, ctx) {
      assertAlive()
      process.host.assertOpen()
      const { host, journal } = process
      const { emit } = process.notifier
      return completeSpawn(new StatefulProcess(host, checkSpec(spec), ctx, { emit, journal, parent: process }))
    },
    ask(description, executor, timeout) {
      text('description', description)
      callable('executor', executor)
      const timeoutMs = timeoutOf('timeout', ASK_TIMEOUT, timeout)
      assertAlive()
      return process.pendingWork.ask(description, executor, timeoutMs)
    },
    schedule(after, message) {
      const delay = Math.max(millis('after', after), 0)
      // A stop waits for this handler, so the message would never be handled.
      if (!process.takesMail && process.currentRun !== undefined) return { cancel: () => {} }
      assertAlive()
      const sent = process.inContext(message)
      return process.pendingWork.schedule(delay, `a message to ${process.label}`, () => process.deliver(sent))
    },
  }
}

/** Gives a new process its tools, and returns its ref. */
export function completeSpawn(process: StatefulProcess): ProcessRef {
  process.tools = toolsOf(process)
  process.publicRef = refOf(process)
  return process.publicRef
}
