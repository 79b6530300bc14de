/** Admission control: resistance, an adaptive limit, a priority queue and a trickle. */
export type { AdmissionTrace } from './admission-trace.ts'
export { Atrion } from './atrion.ts'
export { type Heartbeat, TaskLease, type TaskOutcome } from './lease.ts'
export type { AtrionEvent, AtrionObserver } from './observers.ts'
export type { PhysicsEvent, PhysicsObserver } from './physics-observers.ts'
export { type Priority, PRIORITY_VOLTAGES } from './priority.ts'
export type { WorkloadName, WorkloadProfile } from './profiles.ts'
export { InMemoryProvider, type InMemoryProviderOptions } from './provider/memory.ts'
export { RedisStateProvider, type RedisStateProviderOptions } from './provider/redis.ts'
export type { IoredisLike, NodeRedisLike } from './provider/redis-client.ts'
export type { ProviderAnswer, ProviderOffer, SharedState, StateProvider, SyncOptions } from './provider/types.ts'
export type { SelectOptions } from './select-route.ts'
export type { LeaseOptions } from './tasks.ts'
export { Ticket } from './ticket.ts'
export type { TunerStats } from './tuner-stats.ts'
export type {
  AdmissionConfig,
  AdmitOptions,
  AtrionOptions,
  GateState,
  PhysicsConfig,
  RouteDecision,
  RouteOptions,
  RouteState,
  RunContext,
  RunOptions,
  Shed,
  Slo,
  Telemetry,
  TicketOutcome,
  TunerConfig,
} from './types.ts'
export type { Mode, ShedReason } from './decisions.ts'
export type { Explanation } from './explain.ts'
