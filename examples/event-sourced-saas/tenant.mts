// A tenant as the events of its stream. `decide` makes events of a command, `apply` makes the next state of an event.
// Neither reads a clock or anything else from outside, so the same events always make the same state.
import { monthEnd, monthName, planOf, type PlanName, priceOf } from './plans.mjs'

/** An event of a tenant. `at` is wall time, `by` the id of a person: no event has personal data. */
export type TenantEvent = { readonly tenant: string; readonly at: number; readonly by: string } & (
  | { readonly type: 'opened'; readonly plan: PlanName }
  | { readonly type: 'plan-changed'; readonly plan: PlanName; readonly fee: number }
  | { readonly type: 'used'; readonly units: number }
  | { readonly type: 'invoiced'; readonly month: string; readonly invoice: Invoice }
  | { readonly type: 'closed' }
)

/** What a month costs, in cents. */
export interface Invoice {
  readonly fee: number
  readonly units: number
  readonly overage: number
  readonly total: number
}

/** The state of a tenant. */
export interface Tenant {
  readonly status: 'unknown' | 'open' | 'closed'
  readonly plan: PlanName
  /** From this time on the tenant pays for its present plan: the start of the month, or the last change. */
  readonly since: number
  /** Cents of this month for the plans before the present one. */
  readonly fees: number
  /** Units used in this month. */
  readonly used: number
  /** Months that were invoiced. */
  readonly invoices: number
}

export const unknown: Tenant = { status: 'unknown', plan: 'free', since: 0, fees: 0, used: 0, invoices: 0 }

/** A request to a tenant. */
export type Command =
  | { readonly type: 'open'; readonly plan: PlanName }
  | { readonly type: 'change-plan'; readonly plan: PlanName }
  | { readonly type: 'use'; readonly units: number }
  | { readonly type: 'close' }
  /** Writes the invoices of months that are over. */
  | { readonly type: 'bill' }

/** The refusal of a command. It changes nothing. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

export function apply(state: Tenant, event: TenantEvent): Tenant {
  switch (event.type) {
    case 'opened':
      return { ...unknown, status: 'open', plan: event.plan, since: event.at }
    case 'plan-changed':
      return { ...state, plan: event.plan, since: event.at, fees: state.fees + event.fee }
    case 'used':
      return { ...state, used: state.used + event.units }
    case 'invoiced':
      return { ...state, since: event.at, fees: 0, used: 0, invoices: state.invoices + 1 }
    case 'closed':
      return { ...state, status: 'closed' }
  }
}

/** Returns the invoice of the month so far. */
export function invoiceOf({ plan, since, fees, used }: Tenant, at: number): Invoice {
  const { included, overage: price = 0 } = planOf(plan)
  const fee = fees + priceOf(plan, since, Math.min(at, monthEnd(since)))
  const overage = Math.max(used - included, 0) * price
  return { fee, units: used, overage, total: fee + overage }
}

/** Returns the events that a command makes. Months that ended before it are invoiced first. */
export function decide(before: Tenant, command: Command, at: number, tenant: string, by: string): TenantEvent[] {
  const events: TenantEvent[] = []
  let state = before
  const add = (event: TenantEvent): void => {
    events.push(event)
    state = apply(state, event)
  }
  if (command.type === 'open') {
    if (state.status !== 'unknown') throw new RefusedError(`${tenant} is ${state.status}`)
    return [{ type: 'opened', plan: command.plan, tenant, at, by }]
  }
  if (state.status !== 'open') throw new RefusedError(`${tenant} is ${state.status}`)
  for (let end = monthEnd(state.since); at >= end; end = monthEnd(end)) {
    const invoice = invoiceOf(state, end)
    add({ type: 'invoiced', month: monthName(state.since), invoice, tenant, at: end, by: 'billing' })
  }
  switch (command.type) {
    case 'use': {
      const { included, overage } = planOf(state.plan)
      const left = included - state.used
      if (overage === undefined && command.units > left) {
        throw new RefusedError(`${tenant} has ${left} units of its plan ${state.plan} left this month`)
      }
      add({ type: 'used', units: command.units, tenant, at, by })
      break
    }
    case 'change-plan':
      add({ type: 'plan-changed', plan: command.plan, fee: priceOf(state.plan, state.since, at), tenant, at, by })
      break
    case 'close': {
      const invoice = invoiceOf(state, at)
      add({ type: 'invoiced', month: monthName(state.since), invoice, tenant, at, by: 'billing' })
      add({ type: 'closed', tenant, at, by })
      break
    }
    case 'bill':
  }
  return events
}
