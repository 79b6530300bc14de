import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createProjection, GenServer, isRateLimitExceededError, Registry, type System } from 'keelson'
import { withSystem } from 'keelson/testing'

import { businessAsOf, tenantAsOf } from './history.mjs'
import { monthName, planNames } from './plans.mjs'
import { type Business, countBusiness, type Mail, Saas } from './saas.mjs'
import type { Tenant, TenantEvent } from './tenant.mjs'

const DAY = 86_400_000
const MINUTE = 60_000
const start = Date.UTC(2030, 0, 1)
const ann = { name: 'Ann Accountable', email: 'ann@harbour.example' }
const bob = { name: 'Bob Boatswain', email: 'bob@harbour.example' }

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'saas-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** Runs a test in January 2030, on a controlled clock. */
const inJanuary = (body: Parameters<typeof withSystem>[0]): (() => Promise<void>) =>
  withSystem(body, { initialTime: start })

async function begin(system: System, mails: Mail[] = []): Promise<Saas> {
  return Saas.start({ system, directory, send: async (mail) => void mails.push(mail) })
}

/** Returns every byte below the directory. */
async function bytesOnDisk(): Promise<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))))
}

describe('plans and billing', () => {
  test(
    'charges each plan for its share of the month, and units beyond the plan',
    inJanuary(async (system) => {
      const mails: Mail[] = []
      const saas = await begin(system, mails)
      await saas.open('harbour', 'team', 'p1', ann)
      for (let minute = 0; minute < 6; minute++) {
        await saas.use('harbour', 'p1', 200)
        await system.clock.advance(MINUTE)
      }
      await system.clock.set(start + 31 * DAY * 0.5)
      await saas.changePlan('harbour', 'p1', 'business')
      expect(await saas.invoice('harbour', 'p1')).toEqual({ fee: 1500, units: 1200, overage: 0, total: 1500 })
      await saas.changePlan('harbour', 'p1', 'team')
      expect(await saas.invoice('harbour', 'p1')).toEqual({ fee: 1500, units: 1200, overage: 1000, total: 2500 })
      await system.clock.set(start + 31 * DAY)
      await saas.whenCaughtUp()
      expect(mails).toEqual([
        { id: 'harbour/2030-01', to: ann.email, text: 'Ann Accountable, please pay 40.00 for 2030-01' },
      ])
      await saas.stop()
    }),
  )

  test(
    'invoices each month once, also after months without the program',
    inJanuary(async (system) => {
      const mails: Mail[] = []
      let saas = await begin(system, mails)
      await saas.open('harbour', 'team', 'p1', ann)
      await system.clock.set(start + 20 * DAY)
      await saas.stop()
      await system.clock.set(start + 100 * DAY)
      for (let restart = 0; restart < 3; restart++) {
        saas = await begin(system, mails)
        await system.clock.advance(60 * MINUTE)
        await saas.whenCaughtUp()
        await saas.stop()
      }
      expect(mails.map(({ id }) => id)).toEqual(['harbour/2030-01', 'harbour/2030-02', 'harbour/2030-03'])
    }),
  )

  test(
    'sends a mail again until the mail server takes it',
    inJanuary(async (system) => {
      const tries: string[] = []
      const send = async ({ id }: Mail): Promise<void> => {
        tries.push(id)
        if (tries.length < 3) throw new Error('the mail server is away')
      }
      const saas = await Saas.start({ system, directory, send })
      await saas.open('harbour', 'team', 'p1', ann)
      await system.clock.set(start + 31 * DAY)
      await system.clock.advance(MINUTE)
      await saas.whenCaughtUp()
      expect(tries).toEqual(['harbour/2030-01', 'harbour/2030-01', 'harbour/2030-01'])
      await saas.stop()
    }),
  )
})

describe('limits', () => {
  test(
    'refuses units beyond a free plan until the next month',
    inJanuary(async (system) => {
      const saas = await begin(system)
      await saas.open('club', 'free', 'p1', bob)
      for (let minute = 0; minute < 5; minute++) {
        await saas.use('club', 'p1', 20)
        await system.clock.advance(MINUTE)
      }
      await expect(saas.use('club', 'p1')).rejects.toThrow('club has 0 units of its plan free left this month')
      await system.clock.set(start + 31 * DAY)
      expect((await saas.use('club', 'p1')).used).toBe(1)
      await saas.stop()
    }),
  )

  test(
    'refuses more units a minute than the plan allows, and says when to come back',
    inJanuary(async (system) => {
      const saas = await begin(system)
      await saas.open('club', 'free', 'p1', bob)
      await saas.use('club', 'p1', 20)
      await system.clock.advance(15_000)
      const refusal: unknown = await saas.use('club', 'p1').catch((error: unknown) => error)
      expect(isRateLimitExceededError(refusal) && refusal.retryAfterMs).toBe(45_000)
      await system.clock.advance(45_000)
      expect((await saas.use('club', 'p1')).used).toBe(21)
      await saas.stop()
    }),
  )

  test(
    'lets nobody act for another tenant',
    inJanuary(async (system) => {
      const saas = await begin(system)
      await saas.open('harbour', 'team', 'p1', ann)
      await saas.open('club', 'free', 'p2', bob)
      await expect(saas.use('harbour', 'p2')).rejects.toThrow('p2 is nobody of harbour')
      await expect(saas.erase('club', 'p2', 'p1')).rejects.toThrow('p1 is nobody of club')
      await expect(saas.join('club', 'p1', 'p3', ann)).rejects.toThrow('p1 is nobody of club')
      await expect(saas.open('harbour', 'free', 'p4', bob)).rejects.toThrow('harbour is open')
      await expect(saas.use('harbour', 'p4')).rejects.toThrow('p4 is nobody of harbour')
      await saas.stop()
    }),
  )
})

describe('history', () => {
  test(
    'a tenant goes on from its events after its process has crashed',
    inJanuary(async (system) => {
      const saas = await begin(system)
      await saas.open('club', 'free', 'p1', bob)
      await saas.use('club', 'p1', 7)
      await GenServer.stop(Registry.lookup('tenant/club', system), { error: new Error('a crash') })
      expect(Registry.isRegistered('tenant/club', system)).toBe(false)
      expect((await saas.use('club', 'p1', 1)).used).toBe(8)
      await saas.stop()
    }),
  )

  test(
    'has the state of a tenant and of the business as of any moment',
    inJanuary(async (system) => {
      const { clock, random } = system
      let saas = await begin(system)
      await saas.open('harbour', 'team', 'p1', ann)
      await saas.open('club', 'business', 'p2', bob)
      const seen: { at: number; harbour: Tenant; business: Business }[] = []
      for (let step = 0; step < 60; step++) {
        if (step % 20 === 19) {
          await saas.stop()
          saas = await begin(system)
        }
        await clock.advance(1 + random.int(2 * DAY))
        if (random.int(3) === 0) await saas.changePlan('harbour', 'p1', planNames[1 + random.int(2)]!)
        else await saas.use('harbour', 'p1', 1 + random.int(100))
        await saas.whenCaughtUp()
        const harbour = tenantAsOf(saas.ledger, 'harbour', clock.now().wallMs)
        seen.push({ at: clock.now().wallMs, harbour, business: saas.business.state })
      }
      expect(new Set(seen.map(({ at }) => monthName(at))).size).toBeGreaterThan(1)
      for (const { at, harbour, business } of seen) {
        expect(tenantAsOf(saas.ledger, 'harbour', at)).toEqual(harbour)
        expect(businessAsOf(saas.ledger, at)).toEqual(business)
      }
      await saas.stop()
    }),
  )

  test(
    'a projection that starts late catches up with the one that followed',
    inJanuary(async (system) => {
      const saas = await begin(system)
      await saas.open('harbour', 'team', 'p1', ann)
      await saas.open('club', 'free', 'p2', bob)
      await system.clock.set(start + 40 * DAY)
      await saas.changePlan('club', 'p2', 'business')
      await saas.close('harbour', 'p1')
      await system.clock.set(start + 80 * DAY)
      await saas.whenCaughtUp()
      const late = await createProjection<Business, TenantEvent>({
        journal: saas.ledger,
        name: 'late',
        init: () => ({ revenue: {}, plans: {} }),
        apply: countBusiness,
      })
      await late.whenCaughtUp()
      expect(late.state).toEqual(saas.business.state)
      expect(Object.keys(late.state.revenue)).toEqual(['2030-01', '2030-02'])
      expect(late.state.plans).toEqual({ club: 'business' })
      await late.close()
      await saas.stop()
    }),
  )

  test(
    'the trail has every attempt, also those that were refused',
    inJanuary(async (system) => {
      let saas = await begin(system)
      await saas.open('club', 'free', 'p2', bob)
      await saas.use('club', 'p2', 7)
      await saas.use('club', 'p1').catch(() => {})
      await saas.stop()
      saas = await begin(system)
      const attempts = saas.trail.getAll().filter(({ type }) => type === 'attempt')
      expect(attempts.map(({ by, command, outcome }) => [by, command.type, outcome])).toEqual([
        ['p2', 'open', 'done'],
        ['p2', 'use', 'done'],
        ['p1', 'use', 'p1 is nobody of club'],
      ])
      await saas.stop()
    }),
  )
})

describe('erasure', () => {
  test(
    'leaves no byte of a person on disk, and what the person did in the books',
    inJanuary(async (system) => {
      let saas = await begin(system)
      await saas.open('harbour', 'team', 'p1', ann)
      await saas.join('harbour', 'p1', 'p2', bob)
      await saas.use('harbour', 'p2', 7)
      await saas.people.put({ person: 'p2', tenant: 'harbour', profile: { ...bob, name: 'Bob Bosun' } })
      await saas.whenCaughtUp()
      const before = await bytesOnDisk()
      for (const text of ['Boatswain', 'Bob Bosun', bob.email, ann.email]) expect(before.includes(text)).toBe(true)

      await saas.erase('harbour', 'p1', 'p2')
      const after = await bytesOnDisk()
      for (const text of ['Boatswain', 'Bob', bob.email]) expect(after.includes(text)).toBe(false)
      expect(after.includes(ann.email)).toBe(true)

      await saas.stop()
      saas = await begin(system)
      expect(saas.people.get('p2')).toEqual({ person: 'p2', tenant: 'harbour' })
      await expect(saas.use('harbour', 'p2')).rejects.toThrow('p2 is nobody of harbour')
      const used = saas.ledger.getAll().filter(({ type }) => type === 'used')
      expect(used.map(({ by }) => by)).toEqual(['p2'])
      await saas.stop()
      expect((await bytesOnDisk()).includes(bob.email)).toBe(false)
    }),
  )
})
