/** Processes that restart: GenServer, Registry, Agent, Task. */
export { Agent, type AgentRef } from './agent.ts'
export * from './errors.ts'
export { GenServer } from './gen-server.ts'
export type { Registrar } from './registrable.ts'
export * from './registry/errors.ts'
export { RegistryInstance } from './registry/instance.ts'
export { Registry } from './registry/registry.ts'
export type { CastOf, RegistryEntry, RegistryKeys, RegistryMatch, RegistryOptions } from './registry/types.ts'
export type { Continued, NoReply, Stopped } from './results.ts'
export * from './task/errors.ts'
export { Task, type TaskResults } from './task/task.ts'
export type { AwaitOptions, ItemFunction, StreamOptions, TaskFunction, TaskOptions, TaskRef } from './task/types.ts'
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
