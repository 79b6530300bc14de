/** Random trees of messages, and the spans that they must make by the rules alone. */
import * as fc from 'fast-check'

export const KINDS = ['cast', 'call', 'bus', 'later', 'span'] as const

/** A message, or a span of the user's, and when the handler of its parent sends it. */
export interface Op {
  readonly kind: (typeof KINDS)[number]
  /** The one in whose handler it is sent, among those before it. Itself: the program sends it. */
  readonly parent: number
  readonly to: number
  /** The handler sends it once it has waited. */
  readonly isLate: boolean
  /** The handler waits for the answer, if it is a late call. */
  readonly isAwaited: boolean
  /** The kind of thing that its own handler waits for. */
  readonly waits: 'nothing' | 'a promise' | 'the clock'
  /** Its own handler fails in the end. */
  readonly fails: boolean
  /** The program sends it inside a span, if the program sends it. */
  readonly isInSpan: boolean
}

export interface Program {
  readonly castSpans: 'link' | 'parent'
  readonly processes: readonly { readonly isServer: boolean; readonly context: 'process' | 'caller' }[]
  readonly ops: readonly Op[]
}

/** A span, as the model says it: what it belongs to by kind and number of message. */
export interface WantedSpan {
  readonly name: string
  readonly parent: string | undefined
  readonly links: readonly string[]
  readonly fails: boolean
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

export const program: fc.Arbitrary<Program> = fc.record({
  castSpans: often<Program['castSpans']>(['link', 2], ['parent', 1]),
  processes: fc.array(
    fc.record({ isServer: fc.boolean(), context: fc.constantFrom<'process' | 'caller'>('process', 'caller') }),
    { minLength: 3, maxLength: 4 },
  ),
  ops: fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      parent: fc.nat(1000),
      to: fc.nat(3),
      isLate: fc.boolean(),
      isAwaited: fc.boolean(),
      waits: often<Op['waits']>(['nothing', 3], ['a promise', 2], ['the clock', 1]),
      fails: often([false, 6], [true, 1]),
      isInSpan: often([true, 3], [false, 1]),
    }),
    { minLength: 8, maxLength: 25, size: 'max' },
  ),
})

/** Returns the number of the operation in whose handler or span one is sent; its own for the program. */
export const parentOf = ({ ops }: Program, id: number): number => (ops[id] as Op).parent % (id + 1)

/** The place where a handler runs: the number of a process, or -1 for a bus, a process of its own, or the program. */
export function placeOf(each: Program, id: number): number {
  const { kind } = each.ops[id] as Op
  if (kind === 'span') return parentOf(each, id) === id ? -1 : placeOf(each, parentOf(each, id))
  return kind === 'bus' || hasOwnProcess(each, id) ? -1 : targetOf(each, id)
}

export const targetOf = ({ ops, processes }: Program, id: number): number => (ops[id] as Op).to % processes.length

/** Returns whether a message is sent as a call. Calls run upwards only, so that none waits for itself. */
export function isCall(each: Program, id: number): boolean {
  if (each.ops[id]?.kind !== 'call') return false
  const parent = parentOf(each, id)
  return parent === id || targetOf(each, id) > placeOf(each, parent)
}

/** Returns whether a message goes to a supervised process of its own, because it ends that process. */
export function hasOwnProcess(each: Program, id: number): boolean {
  const { kind, fails } = each.ops[id] as Op
  const isServer = each.processes[targetOf(each, id)]?.isServer === true
  return fails && isServer && kind !== 'span' && kind !== 'bus' && !isCall(each, id)
}

/** Returns whether a message is sent by a timer. A process with state schedules only for itself. */
export function isLater(each: Program, id: number): boolean {
  if (each.ops[id]?.kind !== 'later') return false
  const parent = parentOf(each, id)
  const target = targetOf(each, id)
  if (hasOwnProcess(each, id) || each.processes[target]?.isServer === true) return true
  return parent !== id && placeOf(each, parent) === target
}

/** Says by the rules alone which spans there are. */
export function wantedSpans(each: Program): WantedSpan[] {
  const spans: WantedSpan[] = []
  /** The active span in each handler or span. */
  const active: (string | undefined)[] = []
  each.ops.forEach((op, id) => {
    const parent = parentOf(each, id)
    const isRoot = parent === id
    const around = isRoot ? (op.isInSpan ? `root ${id}` : undefined) : active[parent]
    if (isRoot && op.isInSpan) spans.push({ name: `root ${id}`, parent: undefined, links: [], fails: false })
    if (op.kind === 'span') {
      spans.push({ name: `span ${id}`, parent: around, links: [], fails: false })
      active[id] = `span ${id}`
      return
    }
    const name = `handle ${id}`
    active[id] = name
    if (isCall(each, id)) {
      spans.push({ name: `call ${id}`, parent: around, links: [], fails: op.fails })
      spans.push({ name, parent: `call ${id}`, links: [], fails: op.fails })
    } else if (isLater(each, id)) {
      spans.push({ name, parent: undefined, links: [], fails: op.fails })
    } else if (each.castSpans === 'parent') {
      spans.push({ name, parent: around, links: [], fails: op.fails })
    } else {
      spans.push({ name, parent: undefined, links: around === undefined ? [] : [around], fails: op.fails })
    }
  })
  return spans
}
