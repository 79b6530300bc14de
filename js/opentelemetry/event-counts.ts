/** Counts what no table has: messages, crashes and restarts, also those of processes that have ended. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

import type { HandlerKind } from '../internal/tracer.ts'
import type { System } from '../system/system.ts'

const CRASH = 'keelson:process:crash'
const RESTART = 'keelson:supervisor:restart'

/** The numbers of what has happened in a system since it was instrumented. They only grow. */
export class EventCounts {
  /** Handled messages, by the class of the process and the kind of message. */
  readonly messages: Map<string, Map<HandlerKind, number>> = new Map()
  crashes: number = 0
  restarts: number = 0
  readonly #system: System

  constructor(system: System) {
    this.#system = system
    subscribe(CRASH, this.#onCrash)
    subscribe(RESTART, this.#onRestart)
  }

  /** Counts a message that is handled. */
  message(className: string, kind: HandlerKind): void {
    let kinds = this.messages.get(className)
    if (kinds === undefined) this.messages.set(className, (kinds = new Map()))
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }

  close(): void {
    unsubscribe(CRASH, this.#onCrash)
    unsubscribe(RESTART, this.#onRestart)
  }

  readonly #onCrash = (crash: unknown): void => {
    if ((crash as { readonly system: unknown }).system === this.#system) this.crashes++
  }

  readonly #onRestart = (restart: unknown): void => {
    if ((restart as { readonly system: unknown }).system === this.#system) this.restarts++
  }
}
