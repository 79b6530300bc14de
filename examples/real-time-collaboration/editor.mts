// One editor of a document: its own copy of the text, and the changes that the server has not confirmed. It never waits
// for the server. The one who owns it calls `beat` every two seconds, and `connect` when there is a new connection.
//
// This module runs in Node and in the browser, and reads no clock.
import { MOST, type Presence, type ToEditor, type ToServer } from './protocol.mjs'
import { applyChange, type Change, type Char, runsOf, type Sequence, textOf, visible } from './sequence.mjs'

export interface EditorOptions {
  readonly document: string
  /** The id of this copy: another one for each editor, and for each start of one. */
  readonly site: string
  readonly name: string
  /** Called when the text, the others, or the state of the connection changed. */
  readonly onChange?: () => void
}

export class Editor {
  readonly site: string
  /** The editors that are there, this one included. */
  presence: readonly Presence[] = []
  /** The number of changes of the document that this copy has from the server. */
  position = 0
  /** The reason for which the server ended the session for good. */
  refused: string | undefined
  readonly #options: EditorOptions
  #sequence: Sequence = []
  /** Changes of this editor that are not confirmed, the oldest first. */
  #unconfirmed: Change[] = []
  #counter = 0
  #n = 0
  #send: ((message: string) => void) | undefined
  #isWelcome = false
  /** The number of the newest news of who is there. */
  #heard = 0
  /** The character before the cursor. It stays there while others type. */
  #anchor: Char | undefined

  constructor(options: EditorOptions) {
    this.#options = options
    this.site = options.site
  }

  get text(): string {
    return textOf(this.#sequence)
  }

  /** True when the server has every change of this editor. */
  get isSaved(): boolean {
    return this.#unconfirmed.length === 0
  }

  /** The place of the cursor, in code points. */
  get cursor(): number {
    let count = 0
    let cursor = 0
    for (const char of this.#sequence) {
      if (!char.removed) count++
      if (char.counter === this.#anchor?.counter && char.site === this.#anchor.site) cursor = count
    }
    return cursor
  }

  set cursor(index: number) {
    this.#anchor = visible(this.#sequence)[index - 1]
  }

  /** Begins a session over a new connection. */
  connect(send: (message: string) => void): void {
    this.#send = send
    this.#isWelcome = false
    this.#heard = 0
    this.#hello()
    this.#sendUnconfirmed()
    this.#options.onChange?.()
  }

  /** Tells that the connection is gone. Edits go on. */
  disconnect(): void {
    this.#send = undefined
    this.presence = []
    this.#options.onChange?.()
  }

  /** Keeps the session alive, and sends again what may be lost. */
  beat(): void {
    if (!this.#isWelcome) this.#hello()
    this.#tell({ type: 'beat', position: this.position, cursor: this.cursor })
    this.#sendUnconfirmed()
  }

  /** Inserts text at a place, counted in code points. */
  insert(index: number, text: string): void {
    const chars = Array.from(text)
    for (let from = 0; from < chars.length; from += MOST.text / 2) {
      const part = chars.slice(from, from + MOST.text / 2)
      const before = visible(this.#sequence)[index + from - 1]
      const after = before === undefined ? null : ([before.counter, before.site] as const)
      this.#change({ type: 'insert', after, counter: this.#counter + 1, text: part.join('') })
    }
  }

  /** Removes characters from a place on, counted in code points. */
  remove(index: number, count: number): void {
    for (let left = count; left > 0; left -= MOST.text) {
      const chars = visible(this.#sequence).slice(index, index + Math.min(left, MOST.text))
      if (chars.length > 0) this.#change({ type: 'remove', runs: runsOf(chars) })
    }
  }

  /** Makes the changes between the present text and another: a text field only tells what it holds now. */
  setText(text: string): void {
    const [before, after] = [Array.from(this.text), Array.from(text)]
    let start = 0
    while (start < before.length && start < after.length && before[start] === after[start]) start++
    let end = 0
    while (end < Math.min(before.length, after.length) - start && before.at(-1 - end) === after.at(-1 - end)) end++
    this.remove(start, before.length - start - end)
    this.insert(start, after.slice(start, after.length - end).join(''))
  }

  /** Takes a message of the server. */
  receive(text: string): void {
    const message = JSON.parse(text) as ToEditor
    switch (message.type) {
      case 'changes':
        this.#isWelcome = true
        this.#take(message.from, message.changes)
        break
      case 'presence':
        this.#isWelcome = true
        if (message.number <= this.#heard) return
        this.#heard = message.number
        this.presence = message.editors
        break
      case 'refused':
        this.refused = message.reason
        break
      case 'busy':
        // The next beat sends everything again.
        return
    }
    this.#options.onChange?.()
  }

  #take(from: number, changes: readonly Change[]): void {
    for (const [index, change] of changes.entries()) {
      if (from + index < this.position) continue
      // A message before this one is lost or late. The next beat says where this copy stands.
      if (from + index > this.position) return
      this.position++
      if (change.site === this.site) this.#unconfirmed = this.#unconfirmed.filter(({ n }) => n > change.n)
      else this.#apply(change)
    }
  }

  #change(change: Partial<Change>): void {
    const own = { ...change, site: this.site, n: ++this.#n } as Change
    this.#apply(own)
    this.#unconfirmed.push(own)
    this.#tell({ type: 'edit', changes: [own] })
  }

  #apply(change: Change): void {
    this.#sequence = applyChange(this.#sequence, change)
    if (change.type === 'insert') {
      this.#counter = Math.max(this.#counter, change.counter + Array.from(change.text).length - 1)
    }
  }

  #hello(): void {
    const { document, site, name } = this.#options
    this.#tell({ type: 'hello', document, site, name, position: this.position })
  }

  #sendUnconfirmed(): void {
    if (!this.isSaved) this.#tell({ type: 'edit', changes: this.#unconfirmed.slice(0, MOST.changes) })
  }

  #tell(message: ToServer): void {
    this.#send?.(JSON.stringify(message))
  }
}
