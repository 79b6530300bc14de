/**
 * A small model of Erlang's `gen_statem`, by its documentation: one queue, a list of postponed events, and timers.
 * It knows nothing of processes and promises.
 */
import type { Name, Program, Timeouts } from './program.ts'
import { Script } from './program.ts'

interface Event {
  readonly type: string
  readonly id: number
  readonly isCall: boolean
  /** It is a timeout of no time that can be cancelled. */
  readonly isZero?: boolean
}

interface Timer {
  readonly slot: string
  readonly due: number
  readonly order: number
}

export class GenStatem {
  readonly trace: string[] = []
  state: Name
  data = 0
  now = 0
  hasCrashed = false
  readonly #script: Script
  #queue: Event[] = []
  #postponed: Event[] = []
  #timers: Timer[] = []
  #orders = 0
  #internals = 0
  /** Calls without an answer, in the order in which they were handled first. */
  readonly open: number[] = []
  readonly #over = new Set<number>()

  constructor(program: Program) {
    this.#script = new Script(program)
    this.state = program.first
    this.#enter(this.state, program.start, 0)
    this.#run()
  }

  get handlers(): number {
    return this.#script.handlers
  }

  external(type: 'cast' | 'call', id: number): void {
    if (this.hasCrashed) return
    this.#queue.push({ type, id, isCall: type === 'call' })
    this.#run()
  }

  /** The caller of a call waits no more. */
  giveUp(id: number): void {
    this.#over.add(id)
    const index = this.open.indexOf(id)
    if (index >= 0) this.open.splice(index, 1)
  }

  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [next] = this.#timers.toSorted((one, other) => one.due - other.due || one.order - other.order)
      if (next === undefined || next.due > end) break
      this.now = next.due
      this.#timers.splice(this.#timers.indexOf(next), 1)
      this.#queue.push({ type: next.slot, id: 0, isCall: false })
      this.#run()
    }
    this.now = end
  }

  #run(): void {
    for (let event = this.#queue.shift(); event !== undefined && !this.hasCrashed; event = this.#queue.shift()) {
      this.#event(event)
    }
  }

  #event(event: Event): void {
    if (event.isCall && this.#over.has(event.id)) return
    // Any event cancels the event timeout.
    this.#cancel('event')
    if (event.isCall && !this.open.includes(event.id)) this.open.push(event.id)
    this.trace.push(`${event.type} ${event.id} in ${this.state} with ${this.data}`)
    const step = this.#script.step()
    if (step.fails) {
      this.trace.push(`fails ${event.type}`)
      if (event.isCall) this.#answer(event.id, 'rejected')
      else this.hasCrashed = true
      return
    }
    if (event.isCall && step.replies) this.#answer(event.id, 'answered')
    if (step.answersOldest && this.open.length > 0) this.#answer(this.open[0] as number, 'answered')
    if (step.counts) this.data++
    const previous = this.state
    const next = step.next ?? previous
    if (step.postpone) this.#postponed.push({ ...event, isZero: false })
    if (next !== previous) {
      this.state = next
      this.#cancel('state')
      // Postponed events are retried, the oldest first, before what was queued.
      this.#queue = [...this.#postponed, ...this.#queue]
      this.#postponed = []
    }
    if (next !== previous || step.repeat) this.#enter(previous, step.timeouts, step.events)
    else this.#actions(step.timeouts, step.events)
  }

  #enter(previous: Name, timeouts: Timeouts, events: number): void {
    this.trace.push(`enter ${this.state} from ${previous} with ${this.data}`)
    const enter = this.#script.enter()
    if (enter.counts) this.data++
    const own = Object.keys(enter.timeouts)
    const left = Object.entries(timeouts).filter(([slot]) => !own.includes(slot))
    this.#actions(Object.fromEntries([...left, ['#', undefined], ...Object.entries(enter.timeouts)]), events)
  }

  /** Inserts next events before all others, and starts timeouts; those of no time are queued behind all others. */
  #actions(timeouts: Record<string, number | null | undefined> | Timeouts, events: number): void {
    const inserted = Array.from({ length: events }, () => ({ type: 'internal', id: ++this.#internals, isCall: false }))
    this.#queue.unshift(...inserted)
    const groups = splitAt(Object.entries(timeouts))
    for (const group of groups) {
      for (const slot of ['state', 'event', 'x', 'y']) {
        const found = group.find(([name]) => name === slot)
        if (found === undefined || found[1] === undefined) continue
        this.#cancel(slot)
        const after = found[1]
        if (after === null) continue
        if (after === 0) this.#queue.push({ type: slot, id: 0, isCall: false, isZero: true })
        else this.#timers.push({ slot, due: this.now + after, order: ++this.#orders })
      }
    }
  }

  #cancel(slot: string): void {
    this.#timers = this.#timers.filter((timer) => timer.slot !== slot)
    const index = this.#queue.findIndex((event) => event.type === slot && event.isZero === true)
    if (index >= 0) this.#queue.splice(index, 1)
  }

  #answer(id: number, how: string): void {
    if (!this.open.includes(id)) return
    this.trace.push(`${how} ${id}`)
    this.giveUp(id)
  }
}

/** Parts the timeouts of a handler from those of `enter`, which are started after them. */
function splitAt<T>(entries: [string, T][]): [string, T][][] {
  const at = entries.findIndex(([name]) => name === '#')
  return at < 0 ? [entries] : [entries.slice(0, at), entries.slice(at + 1)]
}
