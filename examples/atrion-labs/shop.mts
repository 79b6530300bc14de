// The shop lab: a shop on its busiest day, with a database that slows down in the middle of it.
import { Atrion, type Priority } from 'keelson/atrion'
import { createControlledClock } from 'keelson/clock'
import { timeout } from 'keelson/effect'
import { Limiter } from 'keelson/otp'
import { createSystem, type System } from 'keelson/system'

import { Database } from '../first-light/database.mjs'
import type { Chart } from './plot.mjs'

/** The pages of the shop, how often they are asked for, and what they are worth to it. */
const PAGES: Readonly<Record<string, { readonly share: number; readonly priority: Priority }>> = {
  checkout: { share: 0.1, priority: 'critical' },
  cart: { share: 0.2, priority: 'high' },
  search: { share: 0.4, priority: 'normal' },
  tips: { share: 0.3, priority: 'background' },
}

/** Eight connections and 80 ms a query: a hundred queries a second. */
const QUERY_MS = 80
const CAPACITY = 100
/** Customers leave after this. */
const PATIENCE_MS = 2000

export const PHASES = [
  { name: 'morning', seconds: 15, load: 0.5, slowdown: 1 },
  { name: 'rush', seconds: 20, load: 2, slowdown: 1 },
  { name: 'rush, slow database', seconds: 20, load: 2, slowdown: 2 },
  { name: 'evening', seconds: 20, load: 0.5, slowdown: 1 },
]

const SECONDS = PHASES.reduce((sum, { seconds }) => sum + seconds, 0)

interface Visit {
  readonly atMs: number
  readonly page: string
  /** The revenue of a checkout. */
  readonly basket: number
}

/** Draws the day: the same visits for every shop. */
function visitsOf(random: System['random']): Visit[] {
  const visits: Visit[] = []
  let beginMs = 0
  for (const { seconds, load } of PHASES) {
    const gap = (): number => (-Math.log(1 - random.next()) * 1000) / (load * CAPACITY)
    const endMs = beginMs + seconds * 1000
    for (let atMs = beginMs + gap(); atMs < endMs; atMs += gap()) {
      visits.push({ atMs, page: pageOf(random.next()), basket: 20 + random.int(80) })
    }
    beginMs = endMs
  }
  return visits
}

function pageOf(chance: number): string {
  let sum = 0
  return Object.entries(PAGES).find(([, { share }]) => chance < (sum += share))?.[0] ?? 'tips'
}

/** Returns the factor by which queries take longer at a moment. */
function slowdownAt(ms: number): number {
  let sum = 0
  return PHASES.find(({ seconds }) => ms < (sum += seconds * 1000))?.slowdown ?? 1
}

/** Runs a query for a page, or rejects: refused, or too late. */
type Guard = (page: string, query: () => Promise<void>) => Promise<unknown>

/** The three shops. */
const GUARDS: Readonly<Record<string, (system: System) => Guard>> = {
  bare: (system) => {
    const patience = timeout(PATIENCE_MS, { system })
    return (_page, query) => patience.execute(query)
  },
  'fixed limit': (system) => {
    const limiter = new Limiter({ system, maxRequests: CAPACITY, windowMs: 1000 })
    const patience = timeout(PATIENCE_MS, { system })
    return async (_page, query) => {
      if (!limiter.take('shop').allowed) throw new Error('over the limit')
      return patience.execute(query)
    }
  },
  gate: (system) => {
    const atrion = new Atrion({ system })
    return (page, query) =>
      atrion.run('database', query, { priority: PAGES[page]?.priority ?? 'normal', timeoutMs: PATIENCE_MS })
  },
}

export interface ShopResult {
  readonly name: string
  /** The share of visits that were answered in time, by page. */
  readonly served: Readonly<Record<string, number>>
  /** Money taken, as a share of what customers wanted to pay. */
  readonly revenue: number
  /** Money taken in each second. */
  readonly perSecond: readonly number[]
}

async function runShop(name: string, guardOf: (system: System) => Guard, seed: number): Promise<ShopResult> {
  const clock = createControlledClock({ trace: false })
  const system = createSystem({ clock, seed })
  const visits = visitsOf(createSystem({ clock, seed }).random)
  const guard = guardOf(system)
  const database = new Database(clock, system.random, QUERY_MS)
  const asked: Record<string, number> = {}
  const answered: Record<string, number> = {}
  const perSecond = Array.from({ length: SECONDS }, () => 0)
  for (const { atMs, page, basket } of visits) {
    clock.schedule(atMs, async () => {
      asked[page] = (asked[page] ?? 0) + 1
      try {
        await guard(page, () => database.query(slowdownAt(atMs)))
      } catch {
        return // refused, or the customer has left
      }
      answered[page] = (answered[page] ?? 0) + 1
      const second = Math.min(SECONDS - 1, Math.floor(clock.monoMs() / 1000))
      if (page === 'checkout') perSecond[second] = (perSecond[second] ?? 0) + basket
    })
  }
  await clock.runUntilIdle({ maxTimers: 1e9 })
  await system.close()
  const wanted = visits.reduce((sum, { page, basket }) => sum + (page === 'checkout' ? basket : 0), 0)
  const taken = perSecond.reduce((sum, money) => sum + money, 0)
  const share = (page: string): [string, number] => [page, (answered[page] ?? 0) / (asked[page] ?? 1)]
  return { name, served: Object.fromEntries(Object.keys(PAGES).map(share)), revenue: taken / wanted, perSecond }
}

/** Runs the day in each shop, or in those with these names. */
export async function shopLab(seed: number, names: readonly string[] = Object.keys(GUARDS)): Promise<ShopResult[]> {
  const results: ShopResult[] = []
  for (const [name, guardOf] of Object.entries(GUARDS)) {
    if (names.includes(name)) results.push(await runShop(name, guardOf, seed))
  }
  return results
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`

/** One row for each shop. */
export function shopTable(results: readonly ShopResult[]): string {
  const pages = Object.keys(PAGES)
  const rows = [
    ['', ...pages, 'revenue'],
    ...results.map(({ name, served, revenue }) => [
      name,
      ...pages.map((page) => percent(served[page] ?? 0)),
      percent(revenue),
    ]),
  ]
  return rows
    .map(([first = '', ...cells]) => first.padEnd(12) + cells.map((cell) => cell.padStart(10)).join(''))
    .join('\n')
}

/** The mean of a second and its neighbours. */
function smooth(values: readonly number[], at: number): number {
  const near = values.slice(Math.max(0, at - 1), at + 2)
  return near.reduce((sum, value) => sum + value, 0) / near.length
}

/** Money a second of each shop, as the mean of three seconds. */
export function shopChart(results: readonly ShopResult[]): Chart {
  let from = 0
  const bands = PHASES.map(({ name, seconds }) => ({ name, from, to: (from += seconds) }))
  const series = results.map(({ name, perSecond }) => ({
    name,
    points: perSecond.map((_, second) => [second, smooth(perSecond, second)] as const),
  }))
  return { title: 'revenue a second', xLabel: 's', series, bands }
}
