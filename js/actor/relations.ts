import { hot } from '../native.ts'
import type { Driven } from './port.ts'

/** Links and monitors of a runtime: the core keeps them, and has to know first what has happened. */
export abstract class Related {
  /** The core's name for the runtime. */
  protected readonly handle: number

  constructor(handle: number) {
    this.handle = handle
  }

  /** Tells the core what has happened. */
  protected abstract flush(): void
  /** Asks the core what comes next, soon. */
  protected abstract schedule(): void

  link(one: Driven, other: Driven): number {
    this.flush()
    return hot.actorLink(this.handle, one.pid, other.pid)
  }

  unlink(link: number): boolean {
    this.flush()
    return hot.actorUnlink(this.handle, link) === 1
  }

  monitor(watcher: Driven, subject: Driven): number {
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
