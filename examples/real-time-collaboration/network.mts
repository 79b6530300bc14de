// A network for tests: it loses messages, delays them, and so delivers them in another order. Chance is the system's
// seeded source and time its clock, so a run can be repeated.
import type { System, TimerHandle } from 'keelson'

import type { Editor } from './editor.mjs'
import type { Hub } from './hub.mjs'

export interface NetworkOptions {
  /** The share of messages that are lost, 0 to 1. */
  loss: number
  /** The longest time that a message takes. */
  delayMs: number
}

export class Network {
  readonly options: NetworkOptions
  readonly #system: System

  constructor(system: System, options: NetworkOptions) {
    this.#system = system
    this.options = options
  }

  /** Connects an editor with a server. Returns a function that cuts the connection, with what is under way. */
  connect(editor: Editor, hub: Hub): () => void {
    const underWay = new Set<TimerHandle>()
    let isOpen = true
    const carry = (deliver: () => void): void => {
      const { random, clock } = this.#system
      if (!isOpen || random.next() < this.options.loss) return
      const timer = clock.schedule(random.next() * this.options.delayMs, () => {
        underWay.delete(timer)
        deliver()
      })
      underWay.add(timer)
    }
    const cut = (): void => {
      if (!isOpen) return
      isOpen = false
      for (const timer of underWay) timer.cancel()
      editor.disconnect()
      session.end()
    }
    const session = hub.connect({
      send: async (message) => carry(() => editor.receive(message)),
      close: cut,
    })
    editor.connect((message) => carry(() => void session.receive(message)))
    return cut
  }
}
