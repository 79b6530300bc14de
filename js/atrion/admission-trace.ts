import { TraceChannel } from '../internal/trace-channel.ts'
import type { System } from '../system/system.ts'
import type { Ticket } from './ticket.ts'
import type { Shed } from './types.ts'

/** The context object of the tracing channel `keelson:admission`. */
export interface AdmissionTrace {
  /** The system of the gate. */
  readonly system: System
  /** The route of the request. */
  readonly route: string
  /** The voltage of the request. */
  readonly voltage: number
  /** True for a request that is admitted whatever the answer is. */
  readonly shadow: boolean
  /** The answer: the ticket of the request, or its refusal. */
  result?: Ticket | Shed
  /** The reason for which the request left before it had an answer, once it has. */
  error?: unknown
}

/** An operation is a request for admission, from the time it asks until the gate answers. */
export const admissions: TraceChannel<AdmissionTrace> = new TraceChannel('keelson:admission')
