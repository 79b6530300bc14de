import http from 'node:http'

import type { Clock, Priority, System } from 'keelson'

import { capacity } from './database.mjs'

/** A stretch of time with a load of its own. */
export interface Phase {
  readonly name: string
  /** Requests a second, in the mean. */
  readonly rate: number
  readonly seconds: number
}

/** Half of what the database can do, then twice as much, then half again, for so many seconds in all. */
export const phasesOf = (seconds: number): readonly Phase[] => [
  { name: '0.5x capacity', rate: 0.5 * capacity, seconds: 0.2 * seconds },
  { name: '2x capacity', rate: 2 * capacity, seconds: 0.48 * seconds },
  { name: '0.5x capacity', rate: 0.5 * capacity, seconds: 0.32 * seconds },
]

/** What became of a request, as its client saw it. */
export type Result = 'ok' | 'shed' | 'late' | 'error'

export interface Outcome {
  /** When it was to be sent, in milliseconds since the start. */
  readonly at: number
  readonly priority: Priority
  readonly result: Result
  /** From when it was to be sent, not from when it was. */
  readonly latencyMs: number
}

/** A client's patience. */
export const timeoutMs = 500

const mix: readonly [Priority, number][] = [
  ['critical', 0.2],
  ['normal', 0.5],
  ['background', 0.3],
]

/** Sends one request of a client who leaves after `patienceMs`. Resolves with what became of it. */
export type Send = (priority: Priority, patienceMs: number) => Promise<Result>

/**
 * Offers a load that does not care how the server fares: arrivals are drawn beforehand (Poisson) and sent when they
 * are due. A server that stalls is not spared the requests of that time, and their latency counts from then.
 */
export async function offer(
  send: Send,
  phases: readonly Phase[],
  { clock, random }: System,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  const start = clock.monoMs()
  const pending: Promise<void>[] = []
  for (const at of arrivals(phases, random)) {
    const wait = start + at - clock.monoMs()
    if (wait > 0) await clock.sleep(wait)
    const priority = pick(random.next())
    const sent = clock.monoMs() - start
    const request = send(priority, Math.max(timeoutMs - (sent - at), 0)).then((result) =>
      onOutcome({ at, priority, result, latencyMs: clock.monoMs() - start - at }),
    )
    pending.push(request)
  }
  await Promise.all(pending)
}

function* arrivals(phases: readonly Phase[], random: System['random']): Generator<number> {
  let begin = 0
  for (const { rate, seconds } of phases) {
    const end = begin + seconds * 1000
    const gap = (): number => (-Math.log(1 - random.next()) * 1000) / rate
    for (let at = begin + gap(); at < end; at += gap()) yield at
    begin = end
  }
}

function pick(chance: number): Priority {
  let sum = 0
  return mix.find(([, share]) => chance < (sum += share))?.[0] ?? 'normal'
}

/** Clients of a server over HTTP. A request is answered with 200 in time, refused, too late, or broken. */
export function httpClients(url: string, clock: Clock): { readonly send: Send; close(): void } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })
  const send: Send = (priority, patienceMs) =>
    new Promise((resolve) => {
      const request = http.get(url, { agent, headers: { 'x-priority': priority } }, (response) => {
        response.resume().on('end', () => settle(response.statusCode === 200 ? 'ok' : 'shed'))
      })
      const timer = clock.schedule(patienceMs, () => settle('late'))
      function settle(result: Result): void {
        timer.cancel()
        if (result === 'late') request.destroy()
        resolve(result)
      }
      request.on('error', () => settle('error'))
    })
  return { send, close: () => agent.destroy() }
}
