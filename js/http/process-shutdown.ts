/** The end of a process that has one or more servers. It happens once, in order, for all of them. */
import { constants } from 'node:os'

import type { System } from '../system/system.ts'

/** One server's part in the shutdown of its process. Nothing here rejects. */
export interface ShutdownPart {
  readonly system: System
  /** True if the process exits with it. */
  readonly exits: boolean
  readonly signals: readonly NodeJS.Signals[]
  /** The longest time that closing the system may take, in milliseconds. */
  readonly closeTimeout: number
  /** The exit code, as far as it is known. */
  readonly code: number
  /** Refuses new work from now on. */
  begin(): void
  /** Waits for work in flight, or breaks it off. */
  drain(): Promise<void>
  /** Runs the user's own clean-up. */
  cleanUp(): Promise<void>
  /** Closes the system, for all parts that share it. Resolves to false when closing failed or took too long. */
  closeSystem(timeoutMs: number): Promise<boolean>
  /** Ends the part after the system was closed. */
  finish(hasFailed: boolean): void
}

/** Shells add this to the number of the signal that ended a process. */
const SIGNALLED = 128

/**
 * Shuts a process down once, however many servers it has: all stop accepting and drain, then all clean up, then their
 * systems are closed, and then the process exits.
 */
class ProcessShutdown {
  /** Parts that have not begun, in the order in which they were added. */
  readonly #waiting = new Set<ShutdownPart>()
  readonly #signalListeners = new Map<NodeJS.Signals, () => void>()
  /** The parts that drain together now. */
  #draining: Set<ShutdownPart> | undefined
  #isExiting = false

  add(part: ShutdownPart): void {
    this.#waiting.add(part)
    this.#listen()
    // The process is exiting already, so a new part exits with it.
    if (this.#isExiting) this.begin(part)
  }

  /** Stops waiting for the signals of a part. */
  remove(part: ShutdownPart): void {
    this.#waiting.delete(part)
    this.#listen()
  }

  /** Begins the shutdown of a part, and of those that cannot go on without it. */
  begin(part: ShutdownPart): void {
    this.#begin([part])
  }

  #begin(first: readonly ShutdownPart[]): void {
    const parts = new Set(first)
    const exits = first.some((part) => part.exits)
    const systems = new Set(first.map(({ system }) => system))
    for (const part of this.#waiting) if (exits || systems.has(part.system)) parts.add(part)
    if ([...parts].some((part) => part.exits)) {
      this.#isExiting = true
      for (const part of this.#waiting) parts.add(part)
    }
    for (const part of parts) {
      this.#waiting.delete(part)
      part.begin()
    }
    this.#listen()
    const joined = this.#draining
    if (joined !== undefined && this.#isExiting) for (const part of parts) joined.add(part)
    else void this.#run(parts)
  }

  async #run(parts: Set<ShutdownPart>): Promise<void> {
    this.#draining = parts
    const drained = new Set<ShutdownPart>()
    // Other parts may join meanwhile.
    while (drained.size < parts.size) {
      const more = [...parts].filter((part) => !drained.has(part))
      for (const part of more) drained.add(part)
      await Promise.all(more.map((part) => part.drain()))
    }
    if (this.#draining === parts) this.#draining = undefined
    await Promise.all([...parts].map((part) => part.cleanUp()))
    const systems = new Map([...parts].map((part) => [part.system, part] as const))
    await Promise.all([...systems.values()].map((part) => this.#close(part, parts)))
    const code = Math.max(...[...parts].map((part) => part.code))
    if (![...parts].some((part) => part.exits)) return
    process.exitCode = code
    // oxlint-disable-next-line unicorn/no-process-exit -- ending the process is what this is for
    process.exit(code)
  }

  /** Closes one system and finishes the parts that share it. */
  async #close(closer: ShutdownPart, parts: ReadonlySet<ShutdownPart>): Promise<void> {
    const sharing = [...parts].filter(({ system }) => system === closer.system)
    const isClosed = await closer.closeSystem(Math.max(...sharing.map(({ closeTimeout }) => closeTimeout)))
    for (const part of sharing) part.finish(!isClosed)
  }

  /** Keeps one listener for each signal that a part waits for. While the process exits, all listeners stay. */
  #listen(): void {
    const wanted = new Set([...this.#waiting].flatMap(({ signals }) => signals))
    for (const signal of wanted) {
      if (this.#signalListeners.has(signal)) continue
      const listener = (): void => this.#onSignal(signal)
      this.#signalListeners.set(signal, listener)
      process.on(signal, listener)
    }
    if (this.#isExiting) return
    for (const [signal, listener] of this.#signalListeners) {
      if (wanted.has(signal)) continue
      this.#signalListeners.delete(signal)
      process.off(signal, listener)
    }
  }

  #onSignal(signal: NodeJS.Signals): void {
    const first = [...this.#waiting].filter(({ signals }) => signals.includes(signal))
    if (first.length > 0) return this.#begin(first)
    // A second signal means that the sender does not want to wait.
    if (!this.#isExiting) return
    const code = SIGNALLED + constants.signals[signal]
    process.exitCode = code
    // oxlint-disable-next-line unicorn/no-process-exit -- ending the process is what this is for
    process.exit(code)
  }
}

export const processShutdown: ProcessShutdown = new ProcessShutdown()
