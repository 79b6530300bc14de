/** The diagnostics channels of what happens to processes. */
import { channel } from 'node:diagnostics_channel'

import type { System } from '../system/system.ts'
import { logCrash, logRestart } from './crash-log.ts'
import { messageTypeOf } from './crash-reports.ts'
import type { Process } from './process.ts'

/** A message of the diagnostics channel `keelson:process:crash`: a process failed, whoever acts on it. */
export interface ProcessCrash {
  /** The process that failed. */
  readonly ref: object
  /** The name of the process, if it has one. */
  readonly name: string | undefined
  /** The type of the message that was handled, if one was. */
  readonly messageType: string | undefined
  /** The system of the process, if it has one. */
  readonly system: System | undefined
  /** The error with which it failed. */
  readonly error: unknown
}

/** A message of the diagnostics channel `keelson:supervisor:restart`: a process runs again after its end. */
export interface ProcessRestart {
  /** The process that runs now. */
  readonly ref: object
  /** The name of the process, if it has one. */
  readonly name: string | undefined
  /** The supervisor's id of the child, if it has a supervisor with ids. */
  readonly childId: string | undefined
  /** The id of the supervisor, if it has one. */
  readonly supervisorId: string | undefined
  /** The system of the process, if it has one. */
  readonly system: System | undefined
  /** The number of restarts of this child. */
  readonly attempt: number
}

const crashes = channel('keelson:process:crash')
const restarts = channel('keelson:supervisor:restart')

/** Counts that a process failed, keeps and publishes it. */
export function publishCrash(process: Process, error: unknown, message: unknown): void {
  process.runtime.crashCount++
  logCrash(process, error, message)
  if (!crashes.hasSubscribers) return
  const { publicRef: ref, publicName: name, system } = process
  crashes.publish({ ref, name, system, messageType: messageTypeOf(message), error } satisfies ProcessCrash)
}

/** Counts that a process runs again after its end, keeps and publishes it. */
export function publishRestart(process: Process, attempt: number, childId?: string, supervisorId?: string): void {
  process.runtime.restartCount++
  logRestart(process, attempt, childId, supervisorId)
  if (!restarts.hasSubscribers) return
  const { publicRef: ref, publicName: name, system } = process
  restarts.publish({ ref, name, system, childId, supervisorId, attempt } satisfies ProcessRestart)
}
