/** Processes with state, supervision and asks; and their older, stateless form. */
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
export type { Abandoned, CustomEvent, Emit, ProcessEvent } from './event-emitter.ts'
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
