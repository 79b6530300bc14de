import { hot } from '../native.ts'
import { HandlerStack } from './handler-stack.ts'
import type { PidHolder } from './port.ts'
import type { Process } from './process.ts'
import { ProcessTable } from './process-table.ts'

/**
 * The part of a runtime for its processes, their links and monitors. The core keeps these, and must first know what has
 * happened.
 */
export abstract class Relations extends HandlerStack {
  /** The core's id of the runtime. */
  readonly handle: number
  readonly processes: ProcessTable = new ProcessTable()

  constructor(handle: number) {
    super()
    this.handle = handle
  }

  /** All processes that have not ended, in the order of their starts. */
  get alive(): Process[] {
    return this.processes.alive
  }

  /** Submits to the core what has happened. */
  protected abstract flush(): void
  /** Asks the core for the next steps, soon. */
  protected abstract schedule(): void

  link(first: PidHolder, second: PidHolder): number {
    this.flush()
    return hot.actorLink(this.handle, first.pid, second.pid)
  }

  unlink(link: number): boolean {
    this.flush()
    return hot.actorUnlink(this.handle, link) === 1
  }

  monitor(watcher: PidHolder, subject: PidHolder): number {
    this.flush()
    const monitor = hot.actorMonitor(this.handle, watcher.pid, subject.pid)
    this.schedule()
    return monitor
  }

  demonitor(monitor: number): boolean {
    this.flush()
    return hot.actorDemonitor(this.handle, monitor) === 1
  }
}
