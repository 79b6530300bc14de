// A load that does not wait for answers: requests are sent when they are due, whatever the server does.
import http from 'node:http'

import type { System } from 'keelson/system'

import type { Database } from './database.mjs'

export interface Ask {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly client: string
}

/** Sends one request. Resolves with the status, or 0 for a connection that broke. */
export type Send = (ask: Ask) => Promise<number>

export interface Phase {
  readonly name: string
  readonly seconds: number
  /** Requests a second of all polite clients together. */
  readonly rate: number
  /** Requests a second of one client that asks too much. */
  readonly greedyRate?: number
  /** Runs when the phase begins. */
  readonly begin?: () => unknown
}

export interface PhaseResult {
  readonly name: string
  readonly sent: number
  /** Counts by status, of all clients but the greedy one. */
  readonly polite: ReadonlyMap<number, number>
  readonly greedy: ReadonlyMap<number, number>
  /** Latencies of answers with status 200, sorted. */
  readonly latenciesMs: readonly number[]
}

/** The requests a second of the polite clients. */
const RATE = 60

/** Five phases of equal length with a trouble each, and a last one that ends the server. */
export const phasesOf = (seconds: number, database: Database, end: () => unknown): Phase[] => [
  { name: 'steady', seconds: seconds / 5, rate: RATE },
  { name: 'one client asks too much', seconds: seconds / 5, rate: RATE, greedyRate: 200 },
  { name: 'the database fails', seconds: seconds / 5, rate: RATE, begin: () => (database.mode = 'fails') },
  { name: 'the database hangs', seconds: seconds / 5, rate: RATE, begin: () => (database.mode = 'hangs') },
  { name: 'all is well again', seconds: seconds / 5, rate: RATE, begin: () => (database.mode = 'works') },
  { name: 'SIGTERM in the middle', seconds: 0.4, rate: 5 * RATE, begin: end },
]

const CLIENTS = 20
const GREEDY = 'greedy'

/** Five requests in ten go to handlers, two of them write, three go to the database. */
function draw({ random }: System): Ask {
  const client = `client-${random.int(CLIENTS)}`
  const chance = random.next()
  if (chance < 0.5) return { method: 'GET', path: '/api/users', client }
  if (chance < 0.7) return { method: 'POST', path: '/api/echo', client }
  return { method: 'GET', path: `/api/data/${random.int(1000)}`, client }
}

/** Runs the phases, one after the other. Resolves when the last answer is there. */
export async function runLoad(system: System, phases: readonly Phase[], send: Send): Promise<PhaseResult[]> {
  const { clock, random } = system
  const results: PhaseResult[] = []
  const pending: Promise<void>[] = []
  let begin = clock.monoMs()
  for (const { name, seconds, rate, greedyRate = 0, begin: onBegin } of phases) {
    onBegin?.()
    const result = {
      name,
      sent: 0,
      polite: new Map<number, number>(),
      greedy: new Map<number, number>(),
      latenciesMs: [] as number[],
    }
    results.push(result)
    const end = begin + seconds * 1000
    const gap = (): number => (-Math.log(1 - random.next()) * 1000) / (rate + greedyRate)
    for (let due = begin + gap(); due < end; due += gap()) {
      if (due > clock.monoMs()) await clock.sleep(due - clock.monoMs())
      const isGreedy = random.next() * (rate + greedyRate) < greedyRate
      const ask = draw(system)
      result.sent += 1
      pending.push(
        send(isGreedy ? { ...ask, client: GREEDY } : ask).then((status) => {
          const counts = isGreedy ? result.greedy : result.polite
          counts.set(status, (counts.get(status) ?? 0) + 1)
          if (status === 200) result.latenciesMs.push(clock.monoMs() - due)
        }),
      )
    }
    begin = end
    if (end > clock.monoMs()) await clock.sleep(end - clock.monoMs())
  }
  await Promise.all(pending)
  for (const { latenciesMs } of results) (latenciesMs as number[]).sort((one, other) => one - other)
  return results
}

/** Clients of a server over HTTP. */
export function httpClients(url: string): { readonly send: Send; close(): void } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 100 })
  const send: Send = ({ method, path, client }) =>
    new Promise((resolve) => {
      const headers = { 'x-api-key': client, 'content-type': 'application/json' }
      const request = http.request(url + path, { agent, method, headers }, (response) => {
        response.resume().on('close', () => resolve(response.statusCode ?? 0))
      })
      request.on('error', () => resolve(0))
      request.end(method === 'POST' ? '{"text":"hello"}' : undefined)
    })
  return { send, close: () => agent.destroy() }
}

const count = (counts: ReadonlyMap<number, number>, ...statuses: number[]): string =>
  String(statuses.reduce((sum, status) => sum + (counts.get(status) ?? 0), 0))

/** One row for each phase. */
export function table(results: readonly PhaseResult[]): string {
  const quantile = ({ latenciesMs }: PhaseResult, share: number): string => {
    const value = latenciesMs[Math.ceil(share * latenciesMs.length) - 1]
    return value === undefined ? '–' : `${value.toFixed(0)} ms`
  }
  const rows = [
    ['', 'sent', '200', '429', '500', '503', '504', 'broken', 'p50', 'p99', 'greedy: 200', '429'],
    ...results.map((one) => [
      one.name,
      String(one.sent),
      ...[200, 429, 500, 503, 504, 0].map((status) => count(one.polite, status)),
      quantile(one, 0.5),
      quantile(one, 0.99),
      count(one.greedy, 200),
      count(one.greedy, 429),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart((widths[i] ?? 0) + 2))).join(''),
    )
    .join('\n')
}
