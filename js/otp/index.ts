/** Processes that restart: GenServer, Supervisor, Registry, Agent, Task, EventBus, TimerService. */
export { Agent, type AgentRef } from './agent.ts'
export * from './errors.ts'
export { BusOverflowError, isBusOverflowError } from './event-bus/errors.ts'
export { EventBus } from './event-bus/event-bus.ts'
export type {
  BusEvent,
  BusEvents,
  EventBusOptions,
  EventBusRef,
  EventBusStats,
  EventHandler,
  EventOverflow,
  EventProcess,
  EventsOptions,
  NextOptions,
  SubscribeOptions,
  BusSubscription,
} from './event-bus/types.ts'
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
export type { Registrar } from './registrable.ts'
export * from './registry/errors.ts'
export { RegistryInstance } from './registry/instance.ts'
export { Registry } from './registry/registry.ts'
export type { CastOf, RegistryEntry, RegistryKeys, RegistryMatch, RegistryOptions } from './registry/types.ts'
export type { Continued, NoReply, Stopped } from './results.ts'
export * from './task/errors.ts'
export { Task, type TaskResults } from './task/task.ts'
export type { AwaitOptions, ItemFunction, StreamOptions, TaskFunction, TaskOptions, TaskRef } from './task/types.ts'
export { TimerService } from './timer-service/timer-service.ts'
export type { ScheduleTimerOptions, TimerEntry, TimerServiceOptions, TimerServiceRef } from './timer-service/types.ts'
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
