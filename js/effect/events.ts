/** What an effect with `emit` tells. */
import { ifRejected } from '../internal/thenable.ts'

interface Told {
  /** Which run of which effect. */
  readonly effectId: string
  /** Wall time, in milliseconds. */
  readonly timestamp: number
}

/** An event of an effect. */
export type EffectEvent = Told &
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

type Fields = EffectEvent extends infer Each ? (Each extends Told ? Omit<Each, keyof Told> : never) : never

/** Who tells: a fibre. */
interface Teller {
  readonly clock: { now(): { readonly wallMs: number } }
  report(error: unknown, origin: string): void
}

/** Tells, if there is somebody to tell. */
export function tell(emit: EffectEmit | undefined, fiber: Teller, effectId: string, fields: Fields): void {
  if (emit === undefined) return
  const failed = (error: unknown): void => fiber.report(error, "an effect's emit function")
  try {
    ifRejected(emit({ ...fields, effectId, timestamp: fiber.clock.now().wallMs } as EffectEvent), failed)
  } catch (error) {
    failed(error)
  }
}
