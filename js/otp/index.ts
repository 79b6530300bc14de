/** Processes that restart: GenServer, Supervisor. */
export * from './errors.ts'
export * from './supervisor/errors.ts'
export { Supervisor } from './supervisor/supervisor.ts'
export type {
  AutoShutdown,
  ChildInfo,
  ChildPolicy,
  ChildRef,
  ChildRestartStrategy,
  ChildSpec,
  ChildTemplate,
  RestartBackoff,
  RestartIntensity,
  SupervisorOptions,
  SupervisorRef,
  SupervisorStrategy,
} from './supervisor/types.ts'
export { GenServer } from './gen-server.ts'
export type { Continued, NoReply, Stopped } from './results.ts'
export type {
  CallOptions,
  CallResult,
  ExitSignal,
  From,
  GenServerBehavior,
  GenServerRef,
  GenServerStatus,
  Info,
  LifecycleEvent,
  LifecycleHandler,
  LinkRef,
  MonitorRef,
  NextState,
  ProcessDownReason,
  SerializedRef,
  ServerStatus,
  StartOptions,
  TerminateReason,
  TimerRef,
} from './types.ts'
