// Random programs of HTTP connections, as data.
import * as fc from 'fast-check'

/** The behaviour of a handler. */
export const HANDLERS = [
  'now',
  'slow',
  'held',
  'never',
  'fails',
  'streams',
  'empty',
  'large',
  'reads the body',
  'destroys the response',
  'destroys the socket',
  'ends twice',
] as const
export type HandlerKind = (typeof HANDLERS)[number]

/** The form in which a request is sent. */
export interface Ask {
  readonly handler: HandlerKind
  readonly method: 'GET' | 'POST' | 'HEAD'
  /** For `POST`: the whole body, part of it, or none yet after `Expect: 100-continue`. */
  readonly body: 'whole' | 'part' | 'expect'
  readonly version: '1.1' | '1.0'
  readonly close: boolean
  /** Work before the middlewares and before the gate, in milliseconds. */
  readonly before: number
  readonly between: number
}

export type Op =
  | { readonly kind: 'open' }
  | { readonly kind: 'ask'; readonly at: number; readonly ask: Ask }
  | { readonly kind: 'pipeline'; readonly at: number; readonly asks: readonly Ask[] }
  | { readonly kind: 'half a request'; readonly at: number; readonly ask: Ask }
  | { readonly kind: 'rest' | 'leave' | 'half-close' | 'stop reading' | 'read on' | 'upgrade'; readonly at: number }
  | { readonly kind: 'handler ends' | 'handler writes' | 'handler destroys'; readonly at: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'shutdown' }

export const FACES = ['bare', 'Express 5', 'Express 4', 'Fastify', 'Koa 3', 'Koa 2'] as const

export interface Plan {
  readonly face: (typeof FACES)[number]
  /** Places for everybody, or two and a queue. */
  readonly gate: 'wide' | 'narrow'
  readonly ops: readonly Op[]
}

const at = fc.nat({ max: 11 })
const ask: fc.Arbitrary<Ask> = fc.record({
  handler: fc.constantFrom(...HANDLERS, 'now', 'held', 'slow', 'held'),
  method: fc.constantFrom('GET' as const, 'GET' as const, 'GET' as const, 'POST' as const, 'HEAD' as const),
  body: fc.constantFrom('whole' as const, 'part' as const, 'expect' as const),
  version: fc.constantFrom('1.1' as const, '1.1' as const, '1.1' as const, '1.0' as const),
  close: fc.constantFrom(false, false, false, false, true),
  before: fc.constantFrom(0, 0, 0, 20),
  between: fc.constantFrom(0, 0, 0, 20),
})

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Op>({ kind: 'open' }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('ask' as const), at, ask }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pipeline' as const),
      at,
      asks: fc.array(ask, { minLength: 2, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('half a request' as const), at, ask }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'rest' as const,
        'leave' as const,
        'leave' as const,
        'half-close' as const,
        'stop reading' as const,
        'read on' as const,
        'upgrade' as const,
      ),
      at,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'handler ends' as const,
        'handler ends' as const,
        'handler writes' as const,
        'handler destroys' as const,
      ),
      at,
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 10, 50, 500) }) },
)

/** Half of the programs shut down, somewhere. */
const ops = fc
  .tuple(fc.array(op, { maxLength: 60, size: 'max' }), fc.option(fc.nat({ max: 60 })))
  .map(([list, stop]) => (stop === null ? list : list.toSpliced(stop, 0, { kind: 'shutdown' })))

export const plan: fc.Arbitrary<Plan> = fc.record({
  face: fc.constantFrom(...FACES.slice(0, 3), ...FACES),
  gate: fc.constantFrom('wide' as const, 'narrow' as const),
  ops,
})

/** Names what an operation is, for the table of pairs. */
export const nameOf = (one: Op): string => {
  if (one.kind === 'ask') return `ask: ${one.ask.handler}`
  return one.kind
}
