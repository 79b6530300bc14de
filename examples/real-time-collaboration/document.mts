// A document: a supervised process over a journal of its own. A change is in the journal, on disk, before anybody gets it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import {
  type Durability,
  type DurableJournal,
  GenServer,
  type GenServerRef,
  openJournal,
  Registry,
  Supervisor,
  type SupervisorRef,
  type System,
} from 'keelson'

import { MOST } from './protocol.mjs'
import { applyChange, type Change, has, type Sequence, textOf } from './sequence.mjs'

const STREAM = 'changes'

/** The state of a document's process. */
interface DocumentState {
  readonly sequence: Sequence
  /** The last change of each site, and its highest counter. */
  readonly sites: Readonly<Record<string, { readonly n: number; readonly counter: number }>>
}

/** The refusal of a change that no editor of this program makes. */
export class InvalidChangeError extends Error {
  override readonly name = 'InvalidChangeError'
}

/** Returns the changes that are new and next in the order of their site. Repeated and early ones are left out. */
function newChanges({ sequence, sites }: DocumentState, site: string, changes: readonly Change[]): Change[] {
  let { n, counter } = sites[site] ?? { n: 0, counter: 0 }
  const inserted: { from: number; to: number }[] = []
  const exists = (counterOf: number, of: string): boolean =>
    (of === site && inserted.some(({ from, to }) => counterOf >= from && counterOf < to)) ||
    has(sequence, counterOf, of)
  const taken = changes.filter((change) => {
    if (change.site !== site) throw new InvalidChangeError('a change of another editor')
    if (change.n !== n + 1) return false
    n++
    if (change.type === 'remove') {
      for (const [from, of, length] of change.runs) {
        for (let each = from; each < from + length; each++) {
          if (!exists(each, of)) throw new InvalidChangeError('removes a character that is not there')
        }
      }
      return true
    }
    const { after, text } = change
    if (change.counter <= counter || (after !== null && (change.counter <= after[0] || !exists(...after)))) {
      throw new InvalidChangeError('inserts behind a character that is not there')
    }
    counter = change.counter + Array.from(text).length - 1
    inserted.push({ from: change.counter, to: counter + 1 })
    return true
  })
  const characters = inserted.reduce((sum, { from, to }) => sum + to - from, sequence.length)
  if (characters > MOST.characters) throw new InvalidChangeError('the document is full')
  return taken
}

function apply({ sequence, sites }: DocumentState, change: Change): DocumentState {
  const { site, n } = change
  const highest = change.type === 'insert' ? change.counter + Array.from(change.text).length - 1 : 0
  const counter = Math.max(highest, sites[site]?.counter ?? 0)
  return { sequence: applyChange(sequence, change), sites: { ...sites, [site]: { n, counter } } }
}

interface Edit {
  readonly site: string
  readonly changes: readonly Change[]
}

const behaviour = {
  handleCall: ({ site, changes }: Edit, state: DocumentState): { events: Change[] } => ({
    events: newChanges(state, site, changes),
  }),
}

const empty = (): DocumentState => ({ sequence: [], sites: {} })

type DocumentRef = GenServerRef<DocumentState, Edit, never, void>

/** An open document. */
export class Document {
  readonly name: string
  readonly journal: DurableJournal<Change>
  readonly #system: System

  constructor(name: string, journal: DurableJournal<Change>, system: System) {
    this.name = name
    this.journal = journal
    this.#system = system
  }

  /** Resolves when the changes that are new are on disk. */
  async edit(edit: Edit, signal: AbortSignal): Promise<void> {
    await GenServer.call(Registry.lookup(`document/${this.name}`, this.#system) as DocumentRef, edit, { signal })
  }

  /** Returns the text after so many changes. */
  textAfter(changes: number): string {
    let sequence: Sequence = []
    for (const { data } of this.journal.readStream(STREAM, { to: changes - 1 })) sequence = applyChange(sequence, data)
    return textOf(sequence)
  }
}

export interface DocumentsOptions {
  readonly system: System
  readonly directory: string
  /** Of the journals. Default `'sync'`. */
  readonly durability?: Durability
  /** A snapshot of a document is saved after so many changes. Default 500. */
  readonly snapshotEvery?: number
}

/** The documents that are open. Each stays open for a minute after its last user. */
export class Documents {
  readonly #options: DocumentsOptions
  readonly #supervisor: SupervisorRef
  readonly #open = new Map<string, { readonly document: Promise<Document>; users: number }>()
  readonly #closing = new Map<string, Promise<void>>()

  private constructor(options: DocumentsOptions, supervisor: SupervisorRef) {
    this.#options = options
    this.#supervisor = supervisor
  }

  static async start(options: DocumentsOptions): Promise<Documents> {
    const { system } = options
    const restartIntensity = { maxRestarts: 10, withinMs: 60_000, scope: 'child' } as const
    return new Documents(options, await Supervisor.start({ system, restartIntensity }))
  }

  /** Returns whether anybody ever opened a document of this name. */
  has(name: string): boolean {
    return existsSync(join(this.#options.directory, name))
  }

  /** Returns the document, for a user that calls `release` later. */
  async use(name: string): Promise<Document> {
    let entry = this.#open.get(name)
    if (entry === undefined) {
      entry = { document: this.#start(name), users: 0 }
      this.#open.set(name, entry)
    }
    entry.users++
    try {
      return await entry.document
    } catch (error) {
      this.#open.delete(name)
      throw error
    }
  }

  release(name: string): void {
    const entry = this.#open.get(name)
    if (entry === undefined || --entry.users > 0) return
    this.#options.system.clock.schedule(
      60_000,
      () => {
        if (entry.users > 0 || this.#open.get(name) !== entry) return
        this.#open.delete(name)
        this.#closing.set(name, this.#end(entry.document))
      },
      { ref: false },
    )
  }

  /** Ends all processes and closes all journals. */
  async close(): Promise<void> {
    const documents = [...this.#open.values()]
    this.#open.clear()
    await Promise.all([...this.#closing.values(), ...documents.map(({ document }) => this.#end(document))])
    await Supervisor.stop(this.#supervisor)
  }

  async #start(name: string): Promise<Document> {
    await this.#closing.get(name)
    this.#closing.delete(name)
    const { system, directory, durability = 'sync', snapshotEvery = 500 } = this.#options
    const journal = await openJournal<Change>(join(directory, name), { system, durability })
    const persist = { journal, stream: STREAM, init: empty, apply, snapshot: { every: snapshotEvery } }
    const options = { system, name: `document/${name}`, persist, maxMailbox: 1000 }
    const start = (): Promise<DocumentRef> => GenServer.start(behaviour, options)
    await Supervisor.startChild(this.#supervisor, { id: name, start })
    return new Document(name, journal, system)
  }

  async #end(opening: Promise<Document>): Promise<void> {
    const { name, journal } = await opening
    await Supervisor.terminateChild(this.#supervisor, name)
    await journal.close()
  }
}
