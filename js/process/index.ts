/**
 * Processes with state, supervision and asks, and their classic form without state.
 *
 * There are three supervisors, because programs of three kinds have to run unchanged:
 * - `createRootSupervisor` spawns and restarts processes with state. New code uses it.
 * - `Supervisor` holds the rules of restarts alone, for something that you start yourself.
 * - `createSupervisor` supervises the classic processes of `createProcess`.
 */
export { createProcessId, ProcessIdImpl } from './classic/id.ts'
export { type ClassicOptions, createProcess } from './classic/process.ts'
export { createSupervisor } from './classic/supervisor.ts'
export type {
  ClassicEmit,
  ClassicProcess,
  ClassicStrategy,
  ClassicSupervisor,
  ClassicSupervisorOptions,
  Message,
  ProcessBehavior,
  ProcessInfo,
} from './classic/types.ts'
export { isProcessError, isTimeoutError, ProcessError, TimeoutError } from './errors.ts'
export type { Abandoned, CustomEvent, Emit, ProcessEvent } from './events.ts'
export type { ProcessId, StopReason } from './ids.ts'
export { createRootSupervisor, spawn } from './root-supervisor.ts'
export { Supervisor } from './supervisor.ts'
export type {
  BackoffOptions,
  ProcessJournal,
  ProcessRef,
  ProcessSpec,
  ProcessStatus,
  RootSupervisor,
  RootSupervisorOptions,
  SupervisionStrategy,
  Tools,
} from './types.ts'
