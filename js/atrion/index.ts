/** Who gets in: resistance, an adaptive limit, a priority queue and a trickle. */
export { Atrion } from './atrion.ts'
export { type Priority, PRIORITY_VOLTAGES } from './priority.ts'
export { Ticket } from './ticket.ts'
export type {
  AdmissionConfig,
  AdmitOptions,
  AtrionOptions,
  GateState,
  Mode,
  PhysicsConfig,
  RouteDecision,
  RouteOptions,
  RouteState,
  RunContext,
  RunOptions,
  Shed,
  ShedReason,
  Slo,
  Telemetry,
  TicketOutcome,
  TunerConfig,
} from './types.ts'
