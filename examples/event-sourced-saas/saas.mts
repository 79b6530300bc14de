// The service: a supervised process for each tenant over one ledger, personal data in a journal of its own, and a trail of
// everything that anybody tried.
import { join } from 'node:path'

import {
  type Consumer,
  createProjection,
  type DurableJournal,
  GenServer,
  type GenServerRef,
  openJournal,
  type Projection,
  RateLimiter,
  type RateLimiterRef,
  Registry,
  Supervisor,
  type SupervisorRef,
  type System,
} from 'keelson'

import { People, type Profile } from './people.mjs'
import { planNames, type PlanName, planOf } from './plans.mjs'
import {
  apply,
  type Command,
  decide,
  type Invoice,
  invoiceOf,
  RefusedError,
  type Tenant,
  type TenantEvent,
  unknown,
} from './tenant.mjs'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A mail with an invoice. `id` is the same when it is sent again. */
export interface Mail {
  readonly id: string
  readonly to: string
  readonly text: string
}

/** An entry of the trail: a command and how it ended. Beside these, the trail has starts and ends of processes. */
export interface Attempt {
  readonly type: 'attempt'
  readonly tenant: string
  readonly by: string
  readonly command: Command | { readonly type: 'join' } | { readonly type: 'erase'; readonly person: string }
  readonly outcome: string
}

export interface SaasOptions {
  readonly system: System
  /** The directory of the three journals. */
  readonly directory: string
  /** Sends a mail. A rejection is tried again later. */
  readonly send: (mail: Mail) => Promise<void>
}

/** The view that the projection keeps: revenue by month in cents, and the plan of each open tenant. */
export interface Business {
  readonly revenue: Readonly<Record<string, number>>
  readonly plans: Readonly<Record<string, PlanName>>
}

interface Request {
  readonly command: Command | { readonly type: 'state' }
  readonly by: string
}

type TenantRef = GenServerRef<Tenant, Request, never, Tenant>

export class Saas {
  readonly people: People
  readonly ledger: DurableJournal<TenantEvent>
  readonly trail: DurableJournal<Attempt>
  readonly business: Projection<Business, TenantEvent>
  readonly #system: System
  readonly #supervisor: SupervisorRef
  readonly #limits: ReadonlyMap<PlanName, RateLimiterRef>
  readonly #mails: Consumer<TenantEvent>
  readonly #ends: (() => void)[] = []

  /** Opens the journals and starts the service as it was when it ended. */
  static async start(options: SaasOptions): Promise<Saas> {
    const { system, directory } = options
    const people = await People.open(join(directory, 'people'), system)
    const ledger = await openJournal<TenantEvent>(join(directory, 'ledger'), { system })
    const trail = await openJournal<Attempt>(join(directory, 'trail'), { system, maxAgeMs: 365 * DAY })
    const business = await createProjection<Business, TenantEvent>({
      journal: ledger,
      name: 'business',
      init: () => ({ revenue: {}, plans: {} }),
      apply: countBusiness,
    })
    const supervisor = await Supervisor.start({
      system,
      strategy: 'simple_one_for_one',
      childTemplate: {
        // The next command starts a tenant again that has crashed, or ended because it was idle.
        restart: 'temporary',
        start: (tenant: string) => startTenant(system, ledger, tenant),
      },
    })
    const limits = new Map<PlanName, RateLimiterRef>()
    for (const plan of planNames) {
      const maxRequests = planOf(plan).perMinute
      limits.set(plan, await RateLimiter.start({ system, maxRequests, windowMs: 60_000 }))
    }
    return new Saas(options, people, ledger, trail, business, supervisor, limits)
  }

  private constructor(
    { system, send }: SaasOptions,
    people: People,
    ledger: DurableJournal<TenantEvent>,
    trail: DurableJournal<Attempt>,
    business: Projection<Business, TenantEvent>,
    supervisor: SupervisorRef,
    limits: ReadonlyMap<PlanName, RateLimiterRef>,
  ) {
    this.#system = system
    this.people = people
    this.ledger = ledger
    this.trail = trail
    this.business = business
    this.#supervisor = supervisor
    this.#limits = limits
    // The mail server may be away for days.
    this.#mails = ledger.consumer('mails', ({ data }) => this.#mail(data, send), { retries: Infinity })
    const billing = system.clock.interval(HOUR, () => this.bill())
    this.#ends.push(system.audit(trail), () => billing.cancel())
  }

  /** Opens a tenant, with its first person. */
  async open(tenant: string, plan: PlanName, owner: string, profile: Profile): Promise<Tenant> {
    const command = { type: 'open', plan } as const
    return this.#attempt({ tenant, by: owner, command }, async () => {
      if (this.people.get(owner) !== undefined) throw new RefusedError(`${owner} exists`)
      // The tenant decides first: one that exists must not get another person by this.
      const state = await this.#call(tenant, { command, by: owner })
      await this.people.put({ person: owner, tenant, profile })
      return state
    })
  }

  /** Adds a person to a tenant. */
  async join(tenant: string, by: string, person: string, profile: Profile): Promise<void> {
    await this.#attempt({ tenant, by, command: { type: 'join' } }, async () => {
      this.#assertMember(tenant, by)
      if (this.people.get(person) !== undefined) throw new RefusedError(`${person} exists`)
      await this.people.put({ person, tenant, profile })
    })
  }

  /** Uses units. Rejects with RateLimitExceededError, or with RefusedError when the plan has no more this month. */
  async use(tenant: string, by: string, units = 1): Promise<Tenant> {
    return this.#command(tenant, by, { type: 'use', units })
  }

  changePlan(tenant: string, by: string, plan: PlanName): Promise<Tenant> {
    return this.#command(tenant, by, { type: 'change-plan', plan })
  }

  close(tenant: string, by: string): Promise<Tenant> {
    return this.#command(tenant, by, { type: 'close' })
  }

  /** Returns what a tenant has to pay for this month so far. */
  async invoice(tenant: string, by: string): Promise<Invoice> {
    this.#assertMember(tenant, by)
    return invoiceOf(await this.#call(tenant, { command: { type: 'state' }, by }), this.#now())
  }

  /** Erases the personal data of a person. The person's events stay, under an id that leads to nobody. */
  async erase(tenant: string, by: string, person: string): Promise<void> {
    await this.#attempt({ tenant, by, command: { type: 'erase', person } }, async () => {
      this.#assertMember(tenant, by)
      this.#assertMember(tenant, person)
      await this.people.erase(person)
    })
  }

  /** Writes the invoices of all months that are over. Runs every hour, and catches up after a time without it. */
  async bill(): Promise<void> {
    await this.business.whenCaughtUp()
    for (const tenant of Object.keys(this.business.state.plans)) {
      await this.#call(tenant, { command: { type: 'bill' }, by: 'billing' })
    }
  }

  /** Resolves when all mails are sent and the projection is up to date. */
  async whenCaughtUp(): Promise<void> {
    await Promise.all([this.#mails.whenCaughtUp(), this.business.whenCaughtUp()])
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end()
    await this.#mails.close()
    await this.business.close()
    await Supervisor.stop(this.#supervisor)
    for (const limit of this.#limits.values()) await RateLimiter.stop(limit)
    for (const journal of [this.people, this.ledger, this.trail]) await journal.close()
  }

  #now(): number {
    return this.#system.clock.now().wallMs
  }

  #command(tenant: string, by: string, command: Command): Promise<Tenant> {
    return this.#attempt({ tenant, by, command }, async () => {
      this.#assertMember(tenant, by)
      if (command.type === 'use') {
        const { plan } = await this.#call(tenant, { command: { type: 'state' }, by })
        await RateLimiter.consume(this.#limits.get(plan) as RateLimiterRef, tenant, command.units)
      }
      return this.#call(tenant, { command, by })
    })
  }

  /** Writes to the trail how an attempt ended. */
  async #attempt<R>(attempt: Omit<Attempt, 'type' | 'outcome'>, work: () => Promise<R>): Promise<R> {
    let outcome = 'done'
    try {
      return await work()
    } catch (error) {
      outcome = error instanceof Error ? error.message : String(error)
      throw error
    } finally {
      await this.trail.append({ type: 'attempt', ...attempt, outcome })
    }
  }

  #assertMember(tenant: string, person: string): void {
    const record = this.people.get(person)
    if (record?.tenant !== tenant || record.profile === undefined) {
      throw new RefusedError(`${person} is nobody of ${tenant}`)
    }
  }

  /** Calls the process of a tenant, and starts it where there is none. */
  async #call(tenant: string, request: Request): Promise<Tenant> {
    const start = (): Promise<GenServerRef> => Supervisor.startChild(this.#supervisor, [tenant])
    const ref = await Registry.getOrStart(`tenant/${tenant}`, start, this.#system)
    return GenServer.call(ref as TenantRef, request)
  }

  /** Sends an invoice to a person of the tenant. It may be sent twice after a crash, with the same id. */
  async #mail(event: TenantEvent, send: SaasOptions['send']): Promise<void> {
    if (event.type !== 'invoiced' || event.invoice.total === 0) return
    const owner = this.people.ofTenant(event.tenant)
    if (owner === undefined) return
    const text = `${owner.name}, please pay ${(event.invoice.total / 100).toFixed(2)} for ${event.month}`
    await send({ id: `${event.tenant}/${event.month}`, to: owner.email, text })
  }
}

/** Starts the process of a tenant. It ends after an hour without a message. */
function startTenant(system: System, journal: DurableJournal<TenantEvent>, tenant: string): Promise<TenantRef> {
  return GenServer.start(
    {
      handleCall: ({ command, by }: Request, state: Tenant) => {
        if (command.type === 'state') return { reply: state }
        const events = decide(state, command, system.clock.now().wallMs, tenant, by)
        return { events, replyWith: (next: Tenant) => next }
      },
    },
    {
      system,
      name: `tenant/${tenant}`,
      idleTimeoutMs: HOUR,
      persist: { journal, stream: tenant, init: () => unknown, apply, snapshot: { every: 100 } },
    },
  )
}

/** Returns the view after an event. */
export function countBusiness({ revenue, plans }: Business, event: TenantEvent): Business {
  switch (event.type) {
    case 'opened':
    case 'plan-changed':
      return { revenue, plans: { ...plans, [event.tenant]: event.plan } }
    case 'invoiced': {
      const sum = (revenue[event.month] ?? 0) + event.invoice.total
      return { revenue: { ...revenue, [event.month]: sum }, plans }
    }
    case 'closed': {
      const { [event.tenant]: _, ...others } = plans
      return { revenue, plans: others }
    }
    case 'used':
      return { revenue, plans }
  }
}
