/**
 * Processes that restart (GenServer, Supervisor, PartitionSupervisor, Registry, Agent, Task) and services behind a
 * process (EventBus, Cache, RateLimiter, TimerService), and what runs (Observer, AlertManager).
 */
export { ActorRuntime } from '../actor/actor-runtime.ts'
export { DEFAULTS, VERSION } from './defaults.ts'
export { Agent, type AgentRef } from './agent.ts'
export {
  Cache,
  type CacheMemoizeOptions,
  type CacheMemoizeOwnOptions,
  type CacheMemoizeSharedOptions,
  type CacheRef,
  type SharedCacheRef,
} from './cache.ts'
export type {
  CacheDump,
  CacheDumpEntry,
  CacheHandle,
  CacheKey,
  CacheLoadContext,
  CacheLoadOptions,
  CacheOptions,
  CachePolicy,
  CacheSetOptions,
  CacheStats,
  EvictReason,
  SharedCacheHandle,
  SharedCacheOptions,
} from '../cache/types.ts'
export {
  type Called,
  CallCycleError,
  CallTimeoutError,
  isCallCycleError,
  isCallTimeoutError,
  isMailboxFullError,
  isServerNotRunningError,
  MailboxFullError,
  ServerNotRunningError,
} from '../actor/errors.ts'
export type { CallTrace, HandleTrace } from '../actor/handler-trace.ts'
export type { ProcessCrash, ProcessRestart } from '../actor/process-channels.ts'
export type { Stall } from '../internal/loop-watch.ts'
export * from './errors.ts'
export { BusOverflowError, isBusOverflowError } from './event-bus/errors.ts'
export { EventBus } from './event-bus/event-bus.ts'
export type {
  AnyBusRef,
  BusEvent,
  BusEvents,
  EventBusOptions,
  EventBusRef,
  EventBusStats,
  EventHandler,
  EventOverflow,
  EventProcess,
  EventsOptions,
  MessageOf,
  NextOptions,
  SubscribeOptions,
  BusSubscription,
  TopicPattern,
  TypedBusRef,
  UntypedTopics,
} from './event-bus/types.ts'
export { StateMachine } from './state-machine/state-machine.ts'
export type {
  EnterOutcome,
  MachineStart,
  MachineState,
  Outcome,
  StateHandlers,
  StateMachineBehavior,
  StateMachineOptions,
  StateMachineRef,
  TimeoutActions,
  TimeoutEvent,
  TimeoutSetting,
} from './state-machine/types.ts'
export * from './supervisor/errors.ts'
export { Supervisor } from './supervisor/supervisor.ts'
export type {
  AutoShutdown,
  ChildInfo,
  ChildPolicy,
  ChildRef,
  ChildrenOf,
  ChildRestartStrategy,
  ChildSpec,
  ChildTemplate,
  RestartBackoff,
  RestartIntensity,
  StartArguments,
  SupervisorOptions,
  SupervisorRef,
  SupervisorStrategy,
  TemplateStart,
  TypedChildTemplate,
  TypedSupervisorRef,
  TypedTemplateRef,
  UntypedTemplateRef,
} from './supervisor/types.ts'
export { GenServer } from './gen-server/gen-server.ts'
export type {
  Alert,
  AlertConfig,
  AlertEvent,
  AlertEventHandler,
  AlertStatistics,
  AlertType,
} from './observer/alert-types.ts'
export { AlertManager } from './observer/alert-manager.ts'
export { createExportData, createExportDataWithHistory, exportToCsv, exportToJson } from './observer/exports.ts'
export { Observer } from './observer/observer.ts'
export type {
  ColumnType,
  CrashRecord,
  CsvExportResult,
  ExportData,
  GenServerStats,
  LoopStats,
  MemoryStats,
  MetricsDataPoint,
  MetricsHistory,
  ObservedRef,
  ObserverEvent,
  ObserverEventHandler,
  ObserverSettings,
  ObserverSnapshot,
  GetStateOptions,
  ProcessMetricsHistory,
  ProcessTreeNode,
  RedactHook,
  RestartRecord,
  StopProcessResult,
  SupervisorStats,
  Table,
  TableColumn,
  TableColumns,
  TableKind,
  TableRowOf,
  TopOptions,
  TopPage,
} from './observer/types.ts'
export { PartitionSupervisor } from './partition/partition.ts'
export type { PartitionInfo, PartitionSupervisorOptions, PartitionSupervisorRef } from './partition/types.ts'
export * from '../rate/errors.ts'
export { Limiter } from '../rate/limiter.ts'
export { RateLimiter, type RateLimiterOptions, type RateLimiterRef } from './rate-limiter.ts'
export type { LimiterUnion } from '../rate/union.ts'
export type {
  LimiterOptions,
  LimiterReservoir,
  LimiterStats,
  LimiterUnionResult,
  LimiterWaitOptions,
  RateLimitAlgorithm,
  RateLimitResult,
} from '../rate/types.ts'
export type { Registrar } from './gen-server/registrable.ts'
export * from './registry/errors.ts'
export { RegistryInstance } from './registry/instance.ts'
export { Registry } from './registry/registry.ts'
export type {
  CastOf,
  DispatchFn,
  RegisterableRef,
  RegistryEntry,
  RegistryKeyMode,
  RegistryKeys,
  RegistryMatch,
  RegistryOptions,
  RegistryPredicate,
} from './registry/types.ts'
export type { Continued, NoReply, Stopped } from './gen-server/callback-results.ts'
export * from './task/errors.ts'
export type {
  PersistentBehavior,
  PersistentCallResult,
  PersistentResult,
  PersistentStartOptions,
} from './persistence/behavior.ts'
export type { PersistEvent, PersistOptions, PersistSnapshotOptions } from './persistence/types.ts'
export { Task, type TaskResults } from './task/task.ts'
export type {
  AsyncStreamOptions,
  AwaitOptions,
  ItemFunction,
  StreamOptions,
  StreamResult,
  TaskFunction,
  TaskHandle,
  TaskOptions,
  TaskRef,
  TaskSupervisorOptions,
  TaskSupervisorRef,
} from './task/types.ts'
export { TimerService } from './timer-service/timer-service.ts'
export type {
  ScheduleTimerOptions,
  StoredTimerRecord,
  TimerAdapter,
  TimerEntry,
  TimerServiceOptions,
  TimerServiceRef,
} from './timer-service/types.ts'
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
  Replies,
  ReplyMap,
  ReplyTo,
  SerializedRef,
  ServerStatus,
  StartOptions,
  TerminateReason,
  TimerRef,
} from './gen-server/types.ts'
