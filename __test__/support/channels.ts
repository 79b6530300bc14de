/** Listens to channels of `node:diagnostics_channel` for a test. */
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { afterEach } from 'vitest'

/** An event of a tracing channel, with a copy of its context object as it was then, and the object itself. */
export interface Traced {
  readonly event: string
  readonly fields: Record<string, unknown>
  readonly context: object
}

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
const ends: (() => void)[] = []

afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** Collects the events of a tracing channel until the test has ended. */
export function traced(name: string, events: readonly (typeof EVENTS)[number][] = EVENTS): Traced[] {
  const found: Traced[] = []
  const subscribers = Object.fromEntries(
    events.map((event) => [event, (context: object) => void found.push({ event, fields: { ...context }, context })]),
  )
  const tracing = tracingChannel(name)
  tracing.subscribe(subscribers as never)
  ends.push(() => void tracing.unsubscribe(subscribers as never))
  return found
}

/** Collects the messages of a channel until the test has ended. */
export function published(name: string): object[] {
  const found: object[] = []
  const listener = (message: unknown): void => void found.push(message as object)
  channel(name).subscribe(listener)
  ends.push(() => void channel(name).unsubscribe(listener))
  return found
}

/** Returns the names of the events, in order. */
export const eventsOf = (found: readonly Traced[]): string[] => found.map(({ event }) => event)
