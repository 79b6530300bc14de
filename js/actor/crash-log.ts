/** The last crashes and restarts of each runtime, in rings of a fixed size. A runtime without any has no ring. */
import { wallMsOf } from '../clock/observed-time.ts'
import { Ring } from '../internal/ring.ts'
import { stackOf, textOf } from '../internal/thrown-values.ts'
import { messageTypeOf } from './crash-reports.ts'
import type { RuntimePort } from './port.ts'
import type { Process } from './process.ts'

/** The number of crashes that are kept. */
export const CRASHES = 64
/** The number of restarts that are kept. */
export const RESTARTS = 256
/** The letters of a stack that are kept. */
export const STACK_LETTERS = 4096
/** The letters of a message of an error that are kept. */
export const ERROR_LETTERS = 512

/** A crash of a process. */
export interface CrashRecord {
  /** The wall time of the crash, in ms. */
  readonly at: number
  /** The id of the process. */
  readonly processId: string
  /** One of its names, if it had any. */
  readonly name: string | undefined
  /** The word for it: `'GenServer'`, `'Agent'` … */
  readonly kind: string
  /** The supervisor's id of the child, if it had a supervisor. */
  readonly childId: string | undefined
  /** The id of the supervisor, if it had one. */
  readonly supervisorId: string | undefined
  /** The type of the message that it handled, if it handled one. */
  readonly messageType: string | undefined
  /** The message of the error: at most 512 letters. */
  readonly error: string
  /** The stack of the error: at most 4096 letters. */
  readonly stack: string
}

/** A restart of a child. */
export interface RestartRecord {
  /** The wall time of the restart, in ms. */
  readonly at: number
  /** The id of the process that runs now. */
  readonly processId: string
  /** One of its names, if it has any. */
  readonly name: string | undefined
  /** The supervisor's id of the child, if it has a supervisor. */
  readonly childId: string | undefined
  /** The id of the supervisor, if it has one. */
  readonly supervisorId: string | undefined
  /** The number of restarts of the child, this one included. */
  readonly attempt: number
}

interface CrashLog {
  readonly crashes: Ring<CrashRecord>
  readonly restarts: Ring<RestartRecord>
}

const logs = new WeakMap<RuntimePort, CrashLog>()

function logOf(runtime: RuntimePort): CrashLog {
  let log = logs.get(runtime)
  if (log === undefined) logs.set(runtime, (log = { crashes: new Ring(CRASHES), restarts: new Ring(RESTARTS) }))
  return log
}

const short = (text: string, letters: number): string => (text.length > letters ? text.slice(0, letters) : text)

/** Keeps a crash. */
export function logCrash(process: Process, error: unknown, message: unknown): void {
  const { observedKind: kind, placement, publicName: name, runtime } = process
  logOf(runtime).crashes.add({
    at: wallMsOf(runtime.clock),
    processId: process.id,
    name,
    kind,
    childId: placement?.childId,
    supervisorId: placement?.supervisorId,
    messageType: messageTypeOf(message),
    error: short(textOf(error), ERROR_LETTERS),
    stack: short(stackOf(error), STACK_LETTERS),
  })
}

/** Keeps a restart. */
export function logRestart(
  { id: processId, publicName: name, runtime }: Pick<Process, 'id' | 'publicName' | 'runtime'>,
  attempt: number,
  childId: string | undefined,
  supervisorId: string | undefined,
): void {
  const at = wallMsOf(runtime.clock)
  logOf(runtime).restarts.add({ at, processId, name, childId, supervisorId, attempt })
}

/** Returns the last crashes of a runtime, the oldest first. */
export const crashesIn = (runtime: RuntimePort | undefined): CrashRecord[] =>
  (runtime && logs.get(runtime)?.crashes.list()) ?? []

/** Returns the last restarts of a runtime, the oldest first. */
export const restartsIn = (runtime: RuntimePort | undefined): RestartRecord[] =>
  (runtime && logs.get(runtime)?.restarts.list()) ?? []
