/** Processes that restart: GenServer. */
export * from './errors.ts'
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
