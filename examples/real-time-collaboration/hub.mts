// All documents and sessions of one server, and what protects it: a gate, a rate for each editor, and leases.
import { Atrion, type Clock, Limiter, type Priority, type TaskLease } from 'keelson'

import { type Document, Documents, type DocumentsOptions } from './document.mjs'
import { BEAT_MS, type Presence } from './protocol.mjs'
import { type Channel, Session } from './session.mjs'

export class Hub {
  readonly clock: Clock
  /** Changes that one editor may send in any second. */
  readonly rate: Limiter
  readonly #documents: Documents
  readonly #atrion: Atrion
  readonly #sessions = new Map<string, Set<Session>>()

  static async start(options: DocumentsOptions): Promise<Hub> {
    return new Hub(options, await Documents.start(options))
  }

  private constructor({ system }: DocumentsOptions, documents: Documents) {
    this.clock = system.clock
    this.rate = new Limiter({ system, maxRequests: 200, windowMs: 1000 })
    this.#documents = documents
    this.#atrion = new Atrion({ system })
    // An editor that goes away without a word is no fault of the document: it leaves no scar.
    // A lease lasts for three beats, and a little longer for beats that are late.
    this.#atrion.defineProfile('EDITOR', { heartbeatMs: 1.25 * BEAT_MS, scarFactor: 0 })
  }

  /** Returns the session of a new connection. */
  connect(channel: Channel): Session {
    return new Session(this, channel)
  }

  /** Runs work that the gate admits. Rejects with ShedError when the server has more than it can do. */
  admit<R>(route: string, priority: Priority, work: (signal: AbortSignal) => Promise<R>): Promise<R> {
    return this.#atrion.run(route, ({ signal }) => work(signal), { priority, timeoutMs: 5000 })
  }

  /** Returns the lease of an editor, which lasts while beats come. */
  async lease(name: string, onEnd: () => void): Promise<TaskLease> {
    const abortController = new AbortController()
    abortController.signal.addEventListener('abort', onEnd)
    return this.#atrion.startTask(`editor of ${name}`, { profile: 'EDITOR', abortController })
  }

  /** Opens a document for a session. */
  async join(name: string, session: Session): Promise<Document> {
    const document = await this.admit('open', 'normal', () => this.#documents.use(name))
    const sessions = this.#sessions.get(name) ?? new Set()
    // An editor that is back has no use for its earlier connection.
    for (const other of sessions) if (other.presence.site === session.presence.site) other.end()
    this.#sessions.set(name, sessions.add(session))
    return document
  }

  leave(name: string, session: Session): void {
    const sessions = this.#sessions.get(name)
    if (sessions?.delete(session) !== true) return
    if (sessions.size === 0) this.#sessions.delete(name)
    this.#documents.release(name)
    this.tellPresence(name)
  }

  presenceOf(name: string): Presence[] {
    const editors = Array.from(this.#sessions.get(name) ?? [], ({ presence }) => presence)
    return editors.toSorted((a, b) => (a.site < b.site ? -1 : 1))
  }

  tellPresence(name: string): void {
    for (const session of this.#sessions.get(name) ?? []) session.tellPresence()
  }

  /** Returns the number of changes of a document, and its text after so many of them. */
  history(name: string, position = Infinity): Promise<{ changes: number; text: string }> {
    return this.admit('history', 'low', async () => {
      if (!this.#documents.has(name)) return { changes: 0, text: '' }
      const document = await this.#documents.use(name)
      const changes = document.journal.nextSequence
      const text = document.textAfter(Math.min(position, changes))
      this.#documents.release(name)
      return { changes, text }
    })
  }

  async close(): Promise<void> {
    for (const sessions of this.#sessions.values()) for (const session of sessions) session.end()
    await this.#documents.close()
    this.#atrion.close()
    this.rate.close()
  }
}
