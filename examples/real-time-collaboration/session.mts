// One editor's session: what it sends goes to the document, and what the journal has goes to it. The session reads the
// journal itself, a page at a time, and reads the next page when the editor has taken the last one. So a slow editor
// costs one message of memory, and no other editor waits for it.
import { isShedError, type JournalEntry, type TaskLease } from 'keelson'

import { type Document, InvalidChangeError } from './document.mjs'
import type { Hub } from './hub.mjs'
import { MOST, type Presence, readMessage, type ToEditor, type ToServer } from './protocol.mjs'
import type { Change } from './sequence.mjs'

/** The way to one editor. */
export interface Channel {
  /** Sends a message. Resolves when the editor has room for the next one. */
  send(message: string): Promise<void>
  close(): void
}

/** An editor that takes no message for so long is gone. */
export const SLOW_MS = 20_000
/** Messages of one editor that may wait for the document. The editor sends again what comes beyond those. */
const MOST_WAITING = 200

type Hello = Extract<ToServer, { type: 'hello' }>

export class Session {
  readonly #hub: Hub
  readonly #channel: Channel
  #hello: Hello | undefined
  #document: Document | undefined
  #lease: TaskLease | undefined
  #cursor = 0
  #isOver = false
  /** The last message that was received, and how many wait behind it. */
  #last: Promise<void> = Promise.resolve()
  #waiting = 0
  #reader: AsyncGenerator<JournalEntry<Change>, void, undefined> | undefined
  /** The changes that were sent, and those that the editor had at its last beat. */
  #sent = 0
  #confirmed = -1
  #presence: 'told' | 'telling' | 'changed' = 'told'
  #news = 0

  constructor(hub: Hub, channel: Channel) {
    this.#hub = hub
    this.#channel = channel
  }

  /** The editor as the others see it. */
  get presence(): Presence {
    const { site, name } = this.#hello as Hello
    return { site, name, cursor: this.#cursor }
  }

  /** Takes a message of the editor. Resolves when the session is ready for the next one. */
  receive(text: string): Promise<void> {
    // Each message shows that the editor is there, also one that waits.
    if (this.#lease?.active === true) this.#lease.heartbeat()
    if (this.#waiting >= MOST_WAITING) return this.#last
    this.#waiting++
    this.#last = this.#last.then(() => this.#take(text)).finally(() => this.#waiting--)
    return this.#last
  }

  /** Ends the session. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    void this.#reader?.return()
    void this.#lease?.release()
    this.#channel.close()
    if (this.#document !== undefined) this.#hub.leave(this.#document.name, this)
  }

  /** Tells the editor who is there: now, or once it has taken what it was told before. */
  tellPresence(): void {
    if (this.#presence === 'told') void this.#tellPresence()
    else this.#presence = 'changed'
  }

  async #tellPresence(): Promise<void> {
    do {
      this.#presence = 'telling'
      const document = this.#document as Document
      await this.#send({ type: 'presence', number: ++this.#news, editors: this.#hub.presenceOf(document.name) })
    } while ((this.#presence as string) === 'changed' && !this.#isOver)
    this.#presence = 'told'
  }

  async #take(text: string): Promise<void> {
    if (this.#isOver) return
    const message = readMessage(text)
    try {
      if (message === undefined) this.#refuse('a message that is not one of an editor')
      else if (message.type === 'hello') await this.#begin(message)
      else if (this.#document === undefined) return
      else if (message.type === 'edit') await this.#edit(this.#document, message.changes)
      else this.#beat(this.#document, message.position, message.cursor)
    } catch (error) {
      if (error instanceof InvalidChangeError) this.#refuse(error.message)
      else if (!this.#isOver) {
        await this.#send({ type: 'busy', retryAfterMs: isShedError(error) ? error.retryAfterMs : 1000 })
      }
    }
  }

  async #begin(hello: Hello): Promise<void> {
    if (this.#document !== undefined) return this.tellPresence()
    this.#hello = hello
    const document = await this.#hub.join(hello.document, this)
    if (this.#isOver) return this.#hub.leave(hello.document, this)
    this.#document = document
    if (hello.position > document.journal.nextSequence) {
      return this.#refuse('this copy has changes that the document does not have')
    }
    this.#lease = await this.#hub.lease(document.name, () => this.end())
    if (this.#isOver) return void this.#lease.release()
    void this.#follow(document, hello.position)
    this.#hub.tellPresence(document.name)
  }

  async #edit(document: Document, changes: readonly Change[]): Promise<void> {
    const { site } = this.#hello as Hello
    // An editor that sends too fast waits here, and so does what it sends next.
    await this.#hub.rate.wait(site, { cost: Math.max(changes.length, 1) })
    await this.#hub.admit('edit', 'high', (signal) => document.edit({ site, changes }, signal))
  }

  #beat(document: Document, position: number, cursor: number): void {
    // The editor has got no further since its last beat: what it lacks is lost.
    if (position === this.#confirmed && position < this.#sent) void this.#follow(document, position)
    this.#confirmed = position
    // The news of who is there may be lost as well.
    if (cursor === this.#cursor) return this.tellPresence()
    this.#cursor = cursor
    this.#hub.tellPresence(document.name)
  }

  /** Sends the changes from a position on, and then those to come. */
  async #follow(document: Document, from: number): Promise<void> {
    const { journal } = document
    void this.#reader?.return()
    const reader = journal.tail({ from })
    this.#reader = reader
    this.#sent = from
    let page: Change[] = []
    try {
      for await (const { data, sequence } of reader) {
        page.push(data)
        if (page.length < MOST.changes && sequence + 1 < journal.nextSequence) continue
        await this.#send({ type: 'changes', from: sequence + 1 - page.length, changes: page })
        if (this.#reader !== reader) return
        this.#sent = sequence + 1
        page = []
      }
    } catch {
      // The journal is closed, or cannot be read: the editor connects again.
      this.end()
    }
  }

  /** Sends a message, and ends the session of an editor that does not take it. */
  async #send(message: ToEditor): Promise<void> {
    if (this.#isOver) return
    const limit = this.#hub.clock.schedule(SLOW_MS, () => this.end())
    await this.#channel.send(JSON.stringify(message)).catch(() => this.end())
    limit.cancel()
  }

  #refuse(reason: string): void {
    void this.#send({ type: 'refused', reason }).then(() => this.end())
  }
}
