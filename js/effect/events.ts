/** Events of effects with the option `emit`. */
import { ifRejected } from '../internal/thenable.ts'

interface EventBase {
  /** Identifies the run of the effect that the event belongs to. */
  readonly effectId: string
  /** Wall time, in milliseconds since the epoch. */
  readonly timestamp: number
}

/** An event of an effect: of its function, of a timeout, or of a retry. */
export type EffectEvent = EventBase &
  (
    | { readonly type: 'effect:start' }
    | { readonly type: 'effect:success' }
    | { readonly type: 'effect:error'; readonly error: unknown }
    | { readonly type: 'effect:interrupted'; readonly reason: unknown }
    | { readonly type: 'effect:timeout:start' | 'effect:timeout:triggered'; readonly timeoutMs: number }
    | { readonly type: 'effect:retry:attempt'; readonly attempt: number; readonly maxAttempts: number }
    | { readonly type: 'effect:retry:success'; readonly attempt: number }
    | { readonly type: 'effect:retry:delay'; readonly attempt: number; readonly delayMs: number }
    | { readonly type: 'effect:retry:exhausted'; readonly attempts: number }
  )

/** Receives the events of an effect, in order. What it throws goes to the system's `onError`. */
export type EffectEmit = (event: EffectEvent) => unknown

type Fields = EffectEvent extends infer Event ? (Event extends EventBase ? Omit<Event, keyof EventBase> : never) : never

/** The parts of a fibre that an event needs. */
interface EventSource {
  readonly clock: { now(): { readonly wallMs: number } }
  report(error: unknown, origin: string): void
}

/** Hands an event to `emit`, if there is one. Never throws. */
export function emitEvent(emit: EffectEmit | undefined, fiber: EventSource, effectId: string, fields: Fields): void {
  if (emit === undefined) return
  const failed = (error: unknown): void => fiber.report(error, "an effect's emit function")
  try {
    ifRejected(emit({ ...fields, effectId, timestamp: fiber.clock.now().wallMs } as EffectEvent), failed)
  } catch (error) {
    failed(error)
  }
}
