// Time travel: the state of a tenant, and of the business, as it was at any moment.
import type { DurableJournal } from 'keelson'

import { type Business, countBusiness } from './saas.mjs'
import { apply, type Tenant, type TenantEvent, unknown } from './tenant.mjs'

/** Returns the state of a tenant at a wall time. */
export function tenantAsOf(ledger: DurableJournal<TenantEvent>, tenant: string, at: number): Tenant {
  let state = unknown
  for (const { data, timestamp } of ledger.readStream(tenant)) {
    if (timestamp.wallMs > at) break
    state = apply(state, data)
  }
  return state
}

/** Returns the view of the business at a wall time. */
export function businessAsOf(ledger: DurableJournal<TenantEvent>, at: number): Business {
  const initial: Business = { revenue: {}, plans: {} }
  return ledger.fold(countBusiness, { initial, upTo: { wallMs: at } })
}
