import { constants } from 'node:os'

import type { System } from '../system/system.ts'

/** One server's part in an orderly end. Nothing here rejects. */
export interface Part {
  readonly system: System
  /** Whether the process is ended with it. */
  readonly exits: boolean
  readonly signals: readonly NodeJS.Signals[]
  readonly closeTimeout: number
  /** The exit code, as far as it is known. */
  readonly code: number
  /** No new work is welcome from now on. */
  begin(): void
  /** Waits for work in flight, or breaks it off. */
  drain(): Promise<void>
  cleanUp(): Promise<void>
  /** Closes the system, for all parts that share it. False when it failed or took too long. */
  closeSystem(timeoutMs: number): Promise<boolean>
  /** All is done. */
  finish(hasFailed: boolean): void
}

/** What a shell says of a process that a signal ended. */
const SIGNALLED = 128

/**
 * The orderly ends of a process. There is one, however many servers it has: all stop accepting and drain, then all clean
 * up, then their systems are closed, and then the process exits.
 */
class Endings {
  /** Those that have not begun, in the order in which they were made. */
  readonly #waiting = new Set<Part>()
  readonly #heard = new Map<NodeJS.Signals, () => void>()
  /** The servers that are being drained together, while that is so. */
  #draining: Set<Part> | undefined
  #isExiting = false

  add(part: Part): void {
    this.#waiting.add(part)
    this.#listen()
    // The process ends already: who comes now ends with it.
    if (this.#isExiting) this.begin(part)
  }

  /** A part waits for signals no more. */
  remove(part: Part): void {
    this.#waiting.delete(part)
    this.#listen()
  }

  /** Begins the end of a part, and of those that cannot go on without it. */
  begin(first: Part): void {
    this.#begin([first])
  }

  #begin(first: readonly Part[]): void {
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

  async #run(parts: Set<Part>): Promise<void> {
    this.#draining = parts
    const drained = new Set<Part>()
    // Others may join meanwhile.
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

  async #close(one: Part, parts: ReadonlySet<Part>): Promise<void> {
    const sharing = [...parts].filter(({ system }) => system === one.system)
    const isClosed = await one.closeSystem(Math.max(...sharing.map(({ closeTimeout }) => closeTimeout)))
    for (const part of sharing) part.finish(!isClosed)
  }

  /** Listens to what somebody waits for, once a signal; and while the process exits, to all that was heard. */
  #listen(): void {
    const wanted = new Set([...this.#waiting].flatMap(({ signals }) => signals))
    for (const signal of wanted) {
      if (this.#heard.has(signal)) continue
      const heard = (): void => this.#onSignal(signal)
      this.#heard.set(signal, heard)
      process.on(signal, heard)
    }
    if (this.#isExiting) return
    for (const [signal, heard] of this.#heard) {
      if (wanted.has(signal)) continue
      this.#heard.delete(signal)
      process.off(signal, heard)
    }
  }

  #onSignal(signal: NodeJS.Signals): void {
    const first = [...this.#waiting].filter(({ signals }) => signals.includes(signal))
    if (first.length > 0) return this.#begin(first)
    // Whoever sends a second one does not want to wait.
    if (!this.#isExiting) return
    const code = SIGNALLED + constants.signals[signal]
    process.exitCode = code
    // oxlint-disable-next-line unicorn/no-process-exit -- ending the process is what this is for
    process.exit(code)
  }
}

export const endings: Endings = new Endings()
