/** Checks what the callbacks of a state machine return, before anything has changed. */
import { Call } from '../../actor/call.ts'
import { duration, isA, isList, known, list, object, oneOf } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { checkReason } from '../gen-server/exit-reasons.ts'
import type { TerminateReason } from '../gen-server/types.ts'

const ENTER = ['data', 'replies', 'stateTimeout', 'eventTimeout', 'timeouts']
const OUTCOME = [...ENTER, 'next', 'repeat', 'reply', 'postpone', 'events', 'stop']
const START = ['state', 'data', 'events', 'stateTimeout', 'eventTimeout', 'timeouts']

/** A timeout to start, or to cancel: `afterMs` is `Infinity` then. */
export interface TimeoutOrder {
  /** `'state'`, `'event'`, or the name of a timeout behind a colon. */
  readonly slot: string
  readonly afterMs: number
  readonly message: unknown
}

/** A result that was checked. Each field was read once. */
export interface CheckedOutcome {
  readonly next: string | undefined
  readonly repeat: boolean
  readonly hasData: boolean
  readonly data: unknown
  readonly hasReply: boolean
  readonly reply: unknown
  readonly replies: readonly (readonly [from: Call, reply: unknown])[]
  readonly postpone: boolean
  readonly events: readonly unknown[]
  readonly orders: readonly TimeoutOrder[]
  readonly stop: TerminateReason | undefined
}

const KEEP: CheckedOutcome = {
  next: undefined,
  repeat: false,
  hasData: false,
  data: undefined,
  hasReply: false,
  reply: undefined,
  replies: [],
  postpone: false,
  events: [],
  orders: [],
  stop: undefined,
}

export const STATE_SLOT = 'state'
export const EVENT_SLOT = 'event'
export const slotOfName = (name: string): string => `:${name}`

/** @throws InvalidArgumentError naming the field that is refused. */
export function checkOutcome(callback: string, value: unknown, states: ReadonlyMap<string, unknown>): CheckedOutcome {
  const outcome = object<Record<string, unknown>>(callback, value, 'an outcome: {} keeps state and data')
  known(callback, outcome, OUTCOME)
  const { next, repeat, postpone, stop } = outcome
  if (next !== undefined) checkState(`${callback}.next`, next, states)
  const hasData = 'data' in outcome
  const hasReply = 'reply' in outcome
  return {
    next: next as string | undefined,
    repeat: repeat === true,
    hasData,
    data: hasData ? outcome['data'] : undefined,
    hasReply,
    reply: hasReply ? outcome['reply'] : undefined,
    replies: repliesOf(callback, outcome['replies']),
    postpone: postpone === true,
    events: eventsOf(callback, outcome['events']),
    orders: ordersOf(callback, outcome),
    stop: stop === undefined ? undefined : checkReason(`${callback}.stop`, stop),
  }
}

/** Checks the result of `enter`, which may be nothing. */
export function checkEnter(value: unknown): CheckedOutcome {
  if (value === undefined) return KEEP
  const outcome = object<Record<string, unknown>>('enter', value, 'an outcome, or nothing')
  known('enter', outcome, ENTER)
  const hasData = 'data' in outcome
  return {
    ...KEEP,
    hasData,
    data: hasData ? outcome['data'] : undefined,
    replies: repliesOf('enter', outcome['replies']),
    orders: ordersOf('enter', outcome),
  }
}

/** Checks the result of `init`. */
export function checkMachineStart(
  value: unknown,
  states: ReadonlyMap<string, unknown>,
): { readonly state: string; readonly data: unknown; readonly outcome: CheckedOutcome } {
  const start = object<Record<string, unknown>>('init', value, '{ state, data }')
  known('init', start, START)
  const state = checkState('init.state', start['state'], states)
  const outcome = { ...KEEP, events: eventsOf('init', start['events']), orders: ordersOf('init', start) }
  return { state, data: start['data'], outcome }
}

function checkState(field: string, state: unknown, states: ReadonlyMap<string, unknown>): string {
  return typeof state === 'string' && states.has(state) ? state : oneOf(field, [...states.keys()], state)
}

function repliesOf(callback: string, value: unknown): CheckedOutcome['replies'] {
  if (value === undefined) return []
  const replies = list(`${callback}.replies`, value as unknown[], 'a list of [from, reply]')
  return replies.map((pair, index) => {
    if (isList(pair) && pair.length === 2 && isA(pair[0], Call)) return [pair[0], pair[1]] as const
    throw new InvalidArgumentError(`${callback}.replies[${index}]`, '[from, reply]', pair)
  })
}

const eventsOf = (callback: string, value: unknown): readonly unknown[] =>
  value === undefined ? [] : [...list(`${callback}.events`, value as unknown[], 'a list of messages')]

function ordersOf(callback: string, outcome: Record<string, unknown>): TimeoutOrder[] {
  const { stateTimeout, eventTimeout, timeouts } = outcome
  const orders: TimeoutOrder[] = []
  if (stateTimeout !== undefined) orders.push(orderOf(`${callback}.stateTimeout`, STATE_SLOT, stateTimeout))
  if (eventTimeout !== undefined) orders.push(orderOf(`${callback}.eventTimeout`, EVENT_SLOT, eventTimeout))
  if (timeouts !== undefined) {
    const named = object<Record<string, unknown>>(`${callback}.timeouts`, timeouts, 'timeouts by name')
    for (const name of Object.keys(named)) {
      if (named[name] === undefined) continue
      orders.push(orderOf(`${callback}.timeouts.${name}`, slotOfName(name), named[name]))
    }
  }
  return orders
}

function orderOf(field: string, slot: string, setting: unknown): TimeoutOrder {
  if (setting === null) return { slot, afterMs: Infinity, message: undefined }
  if (typeof setting === 'number') return { slot, afterMs: timeOf(field, setting), message: undefined }
  const event = object<Record<string, unknown>>(field, setting, 'a time in ms, { afterMs, message } or null')
  known(field, event, ['afterMs', 'message'])
  return { slot, afterMs: timeOf(`${field}.afterMs`, event['afterMs']), message: event['message'] }
}

const timeOf = (field: string, value: unknown): number => (value === Infinity ? Infinity : duration(field, value))
