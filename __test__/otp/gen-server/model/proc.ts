/** One process of a random program: it does what its messages say, and watches that it is driven as promised. */
import {
  GenServer,
  type From,
  type GenServerBehavior,
  type GenServerRef,
  type Info,
  type TerminateReason,
} from 'keelson'

import type { Act, Hostile, Setup } from './program.ts'
import type { World } from './world.ts'

/** A message that was sent. */
export interface Sent {
  readonly id: number
  readonly kind: 'cast' | 'call'
  readonly act: Act
  readonly to: Proc
  /** Sent by the program itself, and not by a handler or a timer: these keep their order. */
  readonly ordered: boolean
  accepted: boolean
  begun: boolean
  /** Its caller has an answer, or it was displaced: it need not be handled any more. */
  over: boolean
  /** The model cannot tell whether it waits: a timer sends it, or it may have been refused. */
  vague?: boolean
  /** The time at which its caller may give it up. The mailbox may know that before the caller does. */
  until?: number
}

export interface State {
  readonly n: number
  readonly then?: () => void
}

/** Something to throw. */
export function thing(what: Hostile, id: number): unknown {
  if (what === 'error') return new Error(`thrown ${id}`)
  if (what === 'bare') return Object.assign(Object.create(null) as object, { status: 500 })
  if (what === 'text') return `thrown ${id}`
  if (what === 'symbol') return Symbol(`thrown ${id}`)
  if (what === 'nothing') return undefined
  if (what === 'revoked') {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  return Object.defineProperty(new Error('odd'), 'message', {
    get: () => {
      throw new Error('no message')
    },
  })
}

export const keyOf = (reason: TerminateReason): string => {
  if (typeof reason === 'string') return reason
  try {
    return `error: ${String(reason.error.message)}`
  } catch {
    return 'error: unreadable'
  }
}

export class Proc {
  readonly world: World
  readonly index: number
  readonly setup: Setup
  ref: GenServerRef | undefined
  /** The possible reasons of its end. */
  readonly causes: Set<string> = new Set()
  /** Something was thrown in it that has no text of its own. */
  threwOdd = false
  inits = 0
  terminates: TerminateReason[] = []
  infos: Info[] = []
  ended: TerminateReason | undefined
  startFailed: unknown
  /** Messages that wait, in order. */
  waiting: Set<Sent> = new Set()
  #inside: string | undefined
  #expected: State | undefined
  #last = -1

  constructor(world: World, index: number, setup: Setup) {
    this.world = world
    this.index = index
    this.setup = setup
  }

  get isLive(): boolean {
    return this.ref !== undefined && this.ended === undefined
  }

  /** The number of messages that may wait. */
  get mostQueued(): number {
    return this.waiting.size
  }

  /** Returns the number of messages that wait for certain. It goes through all of them. */
  leastQueued(): number {
    let least = 0
    const { now } = this.world
    for (const { over, vague, until = Infinity } of this.waiting) if (!over && vague !== true && until > now) least++
    return least
  }

  readonly behavior: GenServerBehavior<State> = {
    init: () => {
      this.inits++
      const { init } = this.setup
      if (init === 'throws') throw thing('bare', 0)
      const first = this.#next()
      if (init === 'sync') return first
      if (init === 'continue') return GenServer.continueWith(first, 'init')
      return init === 'slow' ? this.world.sleep(10).then(() => first) : Promise.resolve(first)
    },
    handleCall: (message, state, from) => this.#handle(message as Sent, state, from) as never,
    handleCast: (message, state) => this.#handle(message as Sent, state, undefined) as never,
    handleInfo: (info, state) => {
      this.#enter('an info', state)
      this.infos.push(info)
      this.#leave()
      return state
    },
    handleContinue: (_, state) => {
      this.#enter('a continuation', state)
      this.#leave()
      return this.#next()
    },
    terminate: (reason) => {
      if (this.#inside !== undefined) this.world.fault('one-at-a-time', `terminate during ${this.#inside}`)
      this.terminates.push(reason)
      if (this.setup.terminate === 'throws') throw new Error('terminate')
      return this.setup.terminate === 'slow' ? this.world.sleep(10) : undefined
    },
  }

  #enter(what: string, state: unknown): void {
    if (this.#inside !== undefined) this.world.fault('one-at-a-time', `${what} during ${this.#inside}`)
    if (state !== this.#expected) this.world.fault('state', `${what} got another state`)
    if (this.terminates.length > 0) this.world.fault('terminate-once', `${what} after terminate`)
    this.#inside = what
  }

  #leave(): void {
    this.#inside = undefined
  }

  /** Counts a message that was given up before it was sent as handled. */
  #forget(sent: Sent): void {
    for (const one of this.waiting) if (one.over && one.id < sent.id) this.waiting.delete(one)
  }

  #next(): State {
    return (this.#expected = { n: this.world.number() })
  }

  #odd(): State {
    const { world } = this
    return (this.#expected = { n: world.number(), then: () => world.fault('state', 'a state was awaited') })
  }

  #handle(sent: Sent, state: State, from: From | undefined): unknown {
    const { world } = this
    this.#enter(`message ${sent.id}`, state)
    world.count(`${sent.kind}:${sent.act.act}`)
    if (sent.begun) world.fault('once', `message ${sent.id} came twice`)
    if (sent.over) world.fault('call-late', `message ${sent.id} was begun after its end`)
    if (sent.to !== this) world.fault('once', `message ${sent.id} came to another`)
    sent.begun = true
    this.waiting.delete(sent)
    this.#forget(sent)
    if (sent.ordered) {
      if (sent.id < this.#last) world.fault('sender-order', `message ${sent.id} after ${this.#last}`)
      this.#last = sent.id
    }
    let isAsync = false
    try {
      const made = this.#act(sent, state, from)
      isAsync = made instanceof Promise
      if (!isAsync) return made
      return (made as Promise<unknown>).finally(() => this.#leave())
    } finally {
      if (!isAsync) this.#leave()
    }
  }

  /** The result of a handler that keeps its state. */
  #plain(sent: Sent): unknown {
    return sent.kind === 'call' ? [`re:${sent.id}`, this.#next()] : this.#next()
  }

  #act(sent: Sent, state: State, from: From | undefined): unknown {
    const { act } = sent
    const { world } = this
    const isCall = sent.kind === 'call'
    switch (act.act) {
      case 'hold':
        if (from === undefined) return this.#plain(sent)
        world.held.push({ sent, from })
        return GenServer.noReply(this.#next())
      case 'none':
        if (!isCall || this.setup.onError === 'crash') this.threwOdd = true
        return undefined
      case 'continue': {
        const next = GenServer.continueWith(this.#next(), sent.id)
        return isCall ? [`re:${sent.id}`, next] : next
      }
      case 'odd-state':
        if (isCall) return [`re:${sent.id}`, this.#odd()]
        return state.then === undefined ? this.#next() : state
      case 'wait':
        return world.sleep(act.ms).then(() => this.#plain(sent))
      case 'turns':
        return world.turns(act.turns).then(() => this.#plain(sent))
      case 'throw':
        if (!isCall || this.setup.onError === 'crash') {
          if (act.what === 'error' || act.what === 'text') this.causes.add(`error: thrown ${sent.id}`)
          else this.threwOdd = true
        }
        world.count(`threw:${act.what}`)
        if (!act.late) throw thing(act.what, sent.id)
        return world.turns(1).then(() => {
          throw thing(act.what, sent.id)
        })
      case 'end': {
        const reason = world.reason(act.reason, sent.id)
        this.causes.add(keyOf(reason))
        const next = this.#next()
        return isCall ? GenServer.stopWith(next, reason, `re:${sent.id}`) : GenServer.stopWith(next, reason)
      }
      case 'ask': {
        const asked = world.ask(act.whom, this, act.timeout)
        return asked === undefined ? this.#plain(sent) : asked.then(() => this.#plain(sent))
      }
      case 'tell':
        world.cast(act.whom, { act: 'note' }, false)
        return this.#plain(sent)
      case 'tick':
        world.pass(act.ms)
        return this.#plain(sent)
      default:
        return this.#plain(sent)
    }
  }
}
