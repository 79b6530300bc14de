import { inspect } from 'node:util'

import type { SimulationEvent } from './types.ts'

/** The most events that a report keeps: the last ones. */
const MOST = 10_000
/** The longest text of a message. */
const SHORT = 60

/** Records what happens in a run. */
export class EventLog {
  #events: SimulationEvent[] = []
  #count = 0

  /** Adds an event. Returns its number. */
  add(event: Omit<SimulationEvent, 'number'>): number {
    this.#events.push({ number: this.#count, ...event })
    if (this.#events.length >= 2 * MOST) this.#events = this.#events.slice(-MOST)
    return this.#count++
  }

  get list(): readonly SimulationEvent[] {
    return this.#events.slice(-MOST)
  }
}

/** Returns a message as a short line. Runs no code of the message. */
export function inShort(message: unknown): string {
  let line: string
  try {
    line = inspect(message, {
      depth: 1,
      breakLength: Infinity,
      customInspect: false,
      maxArrayLength: 5,
      maxStringLength: 40,
    })
  } catch {
    // A proxy may refuse.
    line = typeof message
  }
  line = line.replaceAll(/\s+/g, ' ')
  return line.length > SHORT ? `${line.slice(0, SHORT - 1)}…` : line
}

/** Returns events as aligned lines: time, node, kind, process, message. */
export function eventLines(events: readonly SimulationEvent[]): string[] {
  const rows = events.map(({ at, node, kind, process, message }) => [`${round(at)} ms`, node, kind, process, message])
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => (row[column] as string).length)))
  return rows.map(([at = '', node = '', kind = '', process = '', message = '']) =>
    [
      at.padStart(widths[0] as number),
      node.padEnd(widths[1] as number),
      kind.padEnd(widths[2] as number),
      process.padEnd(widths[3] as number),
      message,
    ]
      .join('  ')
      .trimEnd(),
  )
}

/** Returns a time with at most three digits of a millisecond. */
const round = (ms: number): number => Math.round(ms * 1000) / 1000
