// Random programs of requests to a fetch-style handler, as data.
import * as fc from 'fast-check'

/** The behaviours of a handler. */
export const HANDLERS = ['now', 'slow', 'held', 'never', 'throws', 'fails', 'empty', 'streams', 'upgrades'] as const
export type HandlerKind = (typeof HANDLERS)[number]

export type Op =
  | { readonly kind: 'ask'; readonly handler: HandlerKind; readonly form: 'plain' | 'Hono'; readonly signal: boolean }
  | { readonly kind: 'answer' | 'write' | 'end' | 'break' | 'read' | 'cancel' | 'leave'; readonly at: number }
  | { readonly kind: 'time'; readonly ms: number }

export const KINDS = ['ask', 'answer', 'write', 'end', 'break', 'read', 'cancel', 'leave', 'time'] as const

export interface Plan {
  /** Places for everybody, or two and a queue. */
  readonly gate: 'wide' | 'narrow'
  readonly ops: readonly Op[]
}

const at = fc.nat({ max: 9 })
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      handler: fc.constantFrom(...HANDLERS, 'held' as const, 'streams' as const, 'streams' as const),
      form: fc.constantFrom('plain' as const, 'Hono' as const),
      signal: fc.boolean(),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'answer' as const,
        'write' as const,
        'end' as const,
        'end' as const,
        'break' as const,
        'read' as const,
        'read' as const,
        'cancel' as const,
        'leave' as const,
      ),
      at,
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 10, 50, 500) }) },
)

export const plan: fc.Arbitrary<Plan> = fc.record({
  gate: fc.constantFrom('wide' as const, 'narrow' as const),
  ops: fc.array(op, { maxLength: 40, size: 'max' }),
})
