// The plans: what a month costs, how many units are in it, and how fast a tenant may use them.

/** A plan. Money is in cents. */
export interface Plan {
  /** The price of a month. */
  readonly price: number
  /** Units that the price includes. */
  readonly included: number
  /** The price of a unit beyond those. Without one, the tenant gets no more than the included units. */
  readonly overage?: number
  /** Units that a tenant may use in any minute. */
  readonly perMinute: number
}

export const plans = {
  free: { price: 0, included: 100, perMinute: 20 },
  team: { price: 3000, included: 1000, overage: 5, perMinute: 200 },
  business: { price: 20_000, included: 20_000, overage: 2, perMinute: 2000 },
} as const satisfies Record<string, Plan>

export type PlanName = keyof typeof plans

export const planNames = Object.keys(plans) as PlanName[]

/** Returns a plan with its optional fields. */
export const planOf = (name: PlanName): Plan => plans[name]

/** Returns the wall time at which the calendar month (UTC) of a time begins. */
export function monthStart(at: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}

/** Returns the wall time at which the calendar month (UTC) of a time ends. */
export function monthEnd(at: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}

/** Returns the name of the calendar month (UTC) of a time, such as `2030-01`. */
export const monthName = (at: number): string => new Date(at).toISOString().slice(0, 7)

/** Returns the share of a plan's price for a part of one month, in whole cents. */
export function priceOf(plan: PlanName, from: number, to: number): number {
  return Math.round((plans[plan].price * (to - from)) / (monthEnd(from) - monthStart(from)))
}
