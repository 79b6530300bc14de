import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type DurableJournal, type JournalEntry, openJournal } from 'keelson/journal'
import { GenServer, type PersistEvent } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import { expect } from 'vitest'

import { same } from '../../../../support/programs.ts'
import { Consumed, CONSUMERS } from './consumers.ts'
import { copyFiles, cut, endOf } from './image.ts'
import { type Data, type Draft, type Held, Log } from './log.ts'
import { Projected } from './projections.ts'

/** An entry of a program: stream 0 is none, id 0 is none, `expected` is a distance from the right version. */
export interface Entry {
  readonly stream: number
  readonly id: number
  readonly expected: number | undefined
  readonly key: number
  readonly size: number
}

/** The operations of a program on an event store. */
export type Step =
  | { readonly op: 'append'; readonly entry: Entry }
  | { readonly op: 'many'; readonly entries: readonly Entry[] }
  | { readonly op: 'fill'; readonly count: number }
  | {
      readonly op: 'read'
      readonly stream: number
      readonly from: number | undefined
      readonly to: number | undefined
      readonly backwards: boolean
      readonly limit: number | undefined
      readonly isAsync: boolean
      readonly isBeside: boolean
    }
  | { readonly op: 'consume'; readonly name: string; readonly isWell: boolean }
  | { readonly op: 'start'; readonly name: string }
  | { readonly op: 'project'; readonly version: number }
  | { readonly op: 'rebuild'; readonly groups: readonly (readonly Entry[])[] }
  | { readonly op: 'serve'; readonly stream: number; readonly every: number | undefined; readonly calls: number }
  | { readonly op: 'compact' }
  | { readonly op: 'clear' }
  | { readonly op: 'retain' }
  | { readonly op: 'backup'; readonly groups: readonly (readonly Entry[])[]; readonly goesOn: boolean }
  | { readonly op: 'reopen' }
  | { readonly op: 'kill'; readonly groups: readonly (readonly Entry[])[]; readonly waits: boolean }
  | { readonly op: 'power'; readonly groups: readonly (readonly Entry[])[]; readonly part: number }

/** The options of a program's journal. */
export interface Settings {
  readonly durability: 'sync' | 'flush'
  readonly limit: number | undefined
}

/** A snapshot that is on disk for sure: the number of its events, and the first of them. */
interface Snapshot {
  readonly version: number
  readonly first: number | undefined
}

/** The states that were saved beside a journal at some time. */
interface Saved {
  readonly floors: readonly number[]
  readonly snapshots: Map<string, Snapshot>
}

const STREAMS = ['', 'a', 'b', 'cart-1', 'nothing']
const immediate = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
/** The fields of an entry that the model knows. */
const seen = ({ sequence, id, data, stream, position }: JournalEntry<Data>): Held => ({
  sequence,
  id,
  n: data.n,
  key: data.key,
  stream: stream ?? '',
  position: position ?? 0,
})

/** One event store, what it must answer, and the checks after each step. */
export class Store {
  readonly notes: string[] = []
  readonly #root: string
  readonly #settings: Settings
  readonly #system = createTestSystem()
  readonly #consumers = new Map(Object.keys(CONSUMERS).map((name) => [name, new Consumed(name)]))
  readonly #projected = new Projected()
  #snapshots = new Map<string, Snapshot>()
  #journal!: DurableJournal<Data>
  #log: Log
  #path: string
  #places = 0
  #made = 0

  constructor(root: string, settings: Settings) {
    this.#root = root
    this.#settings = settings
    this.#log = new Log(settings.limit ?? Infinity)
    this.#path = this.#place()
  }

  async run(steps: readonly Step[]): Promise<void> {
    this.#journal = await this.#open(this.#path)
    try {
      for (const [index, step] of steps.entries()) {
        try {
          await this.#step(step)
          this.#check(this.#journal)
        } catch (error) {
          ;(error as Error).message = `step ${index} (${JSON.stringify(step)}): ${(error as Error).message}`
          throw error
        }
      }
    } finally {
      await this.#closeFollowers()
      await this.#journal.close()
      await this.#system.close()
    }
  }

  #place(): string {
    return join(this.#root, `place-${this.#places++}`)
  }

  #open(path: string, readOnly = false): Promise<DurableJournal<Data>> {
    const { durability, limit } = this.#settings
    return openJournal<Data>(path, {
      system: this.#system,
      durability,
      segmentBytes: 4096,
      key: ({ key }) => (key === '' ? undefined : key),
      ...(limit !== undefined && !readOnly && { maxEntries: limit }),
      readOnly,
    })
  }

  async #step(step: Step): Promise<void> {
    switch (step.op) {
      case 'append':
        await this.#append([step.entry], false)
        break
      case 'many':
        await this.#append(step.entries, true)
        break
      case 'fill':
        await this.#append(
          Array.from({ length: step.count }, () => ({ stream: 2, id: 0, expected: undefined, key: 0, size: 90 })),
          true,
        )
        break
      case 'read':
        await this.#read(step)
        break
      case 'start':
        this.#consumers.get(step.name)?.start(this.#journal, true)
        break
      case 'consume':
        await this.#consume(this.#consumers.get(step.name) as Consumed, step.isWell)
        break
      case 'project':
        await this.#projected.start(this.#journal, step.version)
        await this.#project()
        break
      case 'rebuild':
        await this.#rebuild(step.groups)
        break
      case 'serve':
        await this.#serve(step)
        break
      case 'compact':
        expect(await this.#journal.compact()).toBe(this.#log.compact())
        break
      case 'clear':
        await this.#journal.clear()
        this.#log.held = []
        break
      case 'retain':
        expect(await this.#journal.retain()).toBe(0)
        break
      case 'backup':
        await this.#backup(step.groups, step.goesOn)
        break
      case 'reopen':
        await this.#closeFollowers()
        await this.#journal.close()
        this.#journal = await this.#open(this.#path)
        expect(this.#journal.recovery).toMatchObject({ clean: true, dropped: [] })
        break
      case 'kill':
        await this.#kill(step.groups, step.waits)
        break
      default:
        await this.#power(step.groups, step.part)
    }
  }

  #draft({ stream, id, expected, key, size }: Entry): Draft {
    const name = STREAMS[stream] as string
    const known = name !== ''
    const version = Math.max(this.#log.version(name) + (expected ?? 0), 0)
    return {
      data: { n: this.#made++, key: key === 0 ? '' : `k${key}`, pad: 'x'.repeat(size) },
      stream: name,
      id: known && id > 0 ? `i${id}` : '',
      expected: known && expected !== undefined ? version : undefined,
    }
  }

  /** Appends to the journal and to the model, and compares the answers. */
  async #append(entries: readonly Entry[], isBatch: boolean): Promise<void> {
    const drafts = entries.map((entry) => this.#draft(entry))
    const begins = drafts.some(({ stream }) => this.#log.version(stream) === 0 && this.#log.history.has(stream))
    const [settled] = await Promise.allSettled([this.#offer(drafts, isBatch)])
    const answer = this.#log.append(drafts)
    if (answer.kind !== 'appended') this.notes.push(answer.kind)
    else if (begins) this.notes.push('a stream begins anew')
    switch (answer.kind) {
      case 'conflict': {
        const { stream, expected, actual } = answer
        const code = 'KEELSON_VERSION_CONFLICT'
        expect(settled).toMatchObject({ reason: { code, stream, expectedVersion: expected, actualVersion: actual } })
        break
      }
      case 'mixed':
        expect(settled).toMatchObject({ reason: { code: 'KEELSON_INVALID_ARGUMENT', field: 'options.id' } })
        break
      default:
        expect(settled).toMatchObject({ status: 'fulfilled' })
        same((settled as PromiseFulfilledResult<JournalEntry<Data>[]>).value.map(seen), answer.entries)
    }
  }

  async #offer(drafts: readonly Draft[], isBatch: boolean): Promise<JournalEntry<Data>[]> {
    const options = drafts.map(({ stream, id, expected }) => ({
      ...(stream !== '' && { stream }),
      ...(id !== '' && { id }),
      ...(expected !== undefined && { expectedVersion: expected }),
    }))
    const datas = drafts.map(({ data }) => data)
    if (isBatch) return this.#journal.appendMany(datas, options)
    return [await this.#journal.append(datas[0] as Data, options[0])]
  }

  /** Appends groups without a wait. The second result makes the model of those with a sequence below `next`. */
  #inFlight(groups: readonly (readonly Entry[])[]): [Promise<void>, (next: number) => Log] {
    const before = this.#log.clone()
    const offered = groups.map((entries) => entries.map((entry) => this.#draft(entry)))
    const positions: number[][] = []
    const all = Promise.all(offered.map((drafts) => this.#offer(drafts, drafts.length > 1))).then((answers) => {
      positions.push(...answers.map((entries) => entries.map(({ position }) => position ?? 0)))
      for (const [index, drafts] of offered.entries()) {
        expect(this.#log.append(drafts, positions[index])).toEqual({
          kind: 'appended',
          entries: (answers[index] as JournalEntry<Data>[]).map(seen),
        })
      }
    })
    const upTo = (next: number): Log => {
      const log = before.clone()
      for (const [index, drafts] of offered.entries()) {
        const room = next - log.next
        if (room <= 0) break
        // A group with a stream is there as a whole; of another one, its first entries can be.
        const isWhole = drafts.some(({ stream }) => stream !== '')
        if (isWhole) expect(room, 'half of a group').toBeGreaterThanOrEqual(drafts.length)
        log.append(drafts.slice(0, room), positions[index])
      }
      expect(log.next, 'invented entries').toBe(next)
      return log
    }
    return [all, upTo]
  }

  async #read(step: Extract<Step, { op: 'read' }>): Promise<void> {
    const { from = 0, to = Infinity, backwards, limit = Infinity, isAsync } = step
    // A reader beside the writer sees the files, and in them entries that a limit has hidden.
    const isBeside = step.isBeside && this.#settings.limit === undefined
    const stream = STREAMS[step.stream] as string
    const options = {
      ...(step.from !== undefined && { from }),
      ...(step.to !== undefined && { to }),
      ...(step.limit !== undefined && { limit }),
      backwards,
    }
    if (isBeside) await this.#journal.sync()
    const journal = isBeside ? await this.#open(this.#path, true) : this.#journal
    const found: Held[] = []
    const entries = journal.readStream(stream, options)
    if (isAsync) for await (const entry of entries) found.push(seen(entry))
    else for (const entry of entries) found.push(seen(entry))
    if (isBeside) await journal.close()
    const expected = this.#log.of(stream).filter(({ position }) => position >= from && position <= to)
    same(found, (backwards ? expected.toReversed() : expected).slice(0, limit))
  }

  /** Waits for a follower, and lets the pauses between its retries pass. */
  async #settled(promise: Promise<void>): Promise<PromiseSettledResult<void>> {
    const settled = Promise.allSettled([promise])
    for (;;) {
      const [outcome] = await Promise.race([settled, immediate().then(() => [undefined])])
      if (outcome !== undefined) return outcome
      this.#system.clock.advanceBy(20)
    }
  }

  async #consume(consumed: Consumed, isWell: boolean): Promise<void> {
    consumed.start(this.#journal, isWell)
    const { consumer } = consumed
    const outcome = await this.#settled(consumer?.whenCaughtUp() ?? Promise.resolve())
    if (consumed.check(this.#log, outcome)) this.notes.push('a consumer stopped')
    if ((consumer?.parked.length ?? 0) > 0) this.notes.push('an entry was parked')
  }

  async #project(): Promise<void> {
    expect(await this.#settled(this.#projected.projection?.whenCaughtUp() ?? Promise.resolve())).toMatchObject({
      status: 'fulfilled',
    })
    this.#projected.check(this.#log.held, this.#log.next)
  }

  async #rebuild(groups: readonly (readonly Entry[])[]): Promise<void> {
    if (this.#projected.projection === undefined) await this.#projected.start(this.#journal, 1)
    const first = this.#log.held[0]?.n ?? this.#made
    await this.#projected.rebuild(() => this.#inFlight(groups)[0])
    this.#projected.checkRebuilt(first)
    await this.#project()
  }

  async #serve({ stream: number, every, calls }: Extract<Step, { op: 'serve' }>): Promise<void> {
    const stream = STREAMS[number] as string
    const version = this.#log.version(stream)
    const before = (this.#log.history.get(stream) ?? []).slice(0, version)
    const positions = new Set(this.#log.of(stream).map(({ position }) => position))
    const isThere = (from: number): boolean => before.every((_, position) => position < from || positions.has(position))
    const snapshot = every === undefined ? undefined : this.#snapshots.get(stream)
    // One of an earlier stream of the name has other events.
    const known = snapshot !== undefined && snapshot.first === before[0] ? snapshot.version : undefined
    let [from, first] = [0, before[0]]
    const path = this.#path
    const emit = (event: PersistEvent): void => {
      if (event.type === 'persist:recovered') from = event.from
      if (event.type === 'persist:snapshot:ignored') this.notes.push('a snapshot was ignored')
      // Once the program goes on with a copy, it matters what was saved before the copy.
      if (event.type === 'persist:snapshot:saved' && path === this.#path) {
        this.#snapshots.set(stream, { version: event.version, first })
      }
    }
    const starting = GenServer.start(
      {
        handleCall: (data: Data, { all }: { all: readonly number[] }) => ({
          events: data,
          reply: all,
          replyWith: (state: { all: readonly number[] }) => state.all,
        }),
      },
      {
        system: this.#system,
        persist: {
          journal: this.#journal as DurableJournal,
          stream,
          init: () => ({ all: [] as readonly number[] }),
          apply: ({ all }, { n }: Data) => ({ all: [...all, n] }),
          ...(every !== undefined && { snapshot: { every } }),
          emit,
        },
      },
    )
    const [started] = await Promise.allSettled([starting])
    if (started.status === 'rejected') {
      expect(started.reason).toMatchObject({ cause: { code: 'KEELSON_JOURNAL_GAP' } })
      expect([isThere(0), known !== undefined && isThere(known)], 'all events are there').toEqual([false, false])
      this.notes.push('a stream with a gap')
      return
    }
    const server = started.value
    expect(GenServer.getState(server), `after ${from} of a snapshot`).toEqual({ all: before })
    if (from > 0) this.notes.push('begun with a snapshot')
    else expect(isThere(0)).toBe(true)
    for (let call = 0; call < calls; call++) {
      const draft = this.#draft({ stream: number, id: 0, expected: undefined, key: 0, size: 10 })
      this.#log.append([draft])
      first = this.#log.history.get(stream)?.[0]
      expect(await GenServer.call(server, draft.data)).toEqual(this.#log.history.get(stream))
    }
    await GenServer.stop(server)
  }

  async #backup(groups: readonly (readonly Entry[])[], goesOn: boolean): Promise<void> {
    const [place, least] = [this.#place(), this.#log.next]
    const saved = this.#saved()
    const copying = this.#journal.backup(place)
    const [all, upTo] = this.#inFlight(groups)
    const report = await copying
    await all
    const copy = await this.#open(place)
    const { nextSequence: next } = copy
    expect(next).toBeGreaterThanOrEqual(least)
    expect(report).toMatchObject({ path: place, nextSequence: next })
    expect(copy.recovery).toMatchObject({ clean: true, dropped: [] })
    const log = upTo(next)
    this.#compare(copy, log)
    if (!goesOn) {
      await copy.close()
      rmSync(place, { recursive: true })
      return
    }
    this.notes.push('went on from a backup')
    await this.#moveTo(copy, place, log, saved)
  }

  /** Returns what is saved for sure: a copy that begins now has it. */
  #saved(): Saved {
    return {
      floors: Array.from(this.#consumers.values(), ({ floor }) => floor),
      snapshots: new Map(this.#snapshots),
    }
  }

  /** Goes on with a copy of the journal. What consumers had not saved by then comes again. */
  async #moveTo(copy: DurableJournal<Data>, place: string, log: Log, { floors, snapshots }: Saved): Promise<void> {
    for (const [index, consumed] of [...this.#consumers.values()].entries())
      await consumed.moveTo(floors[index] as number)
    await this.#projected.close()
    await this.#journal.close()
    rmSync(this.#path, { recursive: true })
    this.#journal = copy
    this.#path = place
    this.#log = log
    this.#snapshots = snapshots
  }

  async #kill(groups: readonly (readonly Entry[])[], waits: boolean): Promise<void> {
    const [place, least] = [this.#place(), this.#log.next]
    const saved = this.#saved()
    const [all, upTo] = this.#inFlight(groups)
    if (waits) await immediate()
    copyFiles(this.#path, place)
    await all
    const copy = await this.#open(place)
    const { nextSequence: next } = copy
    expect(next, 'acknowledged').toBeGreaterThanOrEqual(least)
    if (next < this.#log.next) this.notes.push('an append was lost in a kill')
    if (next > least) this.notes.push('an append was kept in a kill')
    await this.#moveTo(copy, place, upTo(next), saved)
  }

  async #power(groups: readonly (readonly Entry[])[], part: number): Promise<void> {
    await this.#closeFollowers()
    await this.#journal.sync()
    const saved = this.#saved()
    const [place, least, end] = [this.#place(), this.#log.next, endOf(this.#path)]
    const [all, upTo] = this.#inFlight(groups)
    await all
    copyFiles(this.#path, place)
    // With 'sync' all of them are acknowledged, and nothing can be lost.
    const isLossy = this.#settings.durability === 'flush'
    if (isLossy) cut(place, end, part)
    const copy = await this.#open(place)
    const { nextSequence: next } = copy
    expect(next, 'synced').toBeGreaterThanOrEqual(isLossy ? least : this.#log.next)
    if (next < this.#log.next) this.notes.push('an append was lost in a power cut')
    await this.#moveTo(copy, place, upTo(next), saved)
  }

  async #closeFollowers(): Promise<void> {
    for (const consumed of this.#consumers.values()) {
      if (consumed.consumer !== undefined) await this.#settled(consumed.close())
    }
    await this.#projected.close()
  }

  #check(journal: DurableJournal<Data>): void {
    this.#compare(journal, this.#log)
    same(Array.from(this.#consumers.values(), ({ faults }) => faults).flat(), [])
    same(this.#system.takeErrors(), [])
  }

  #compare(journal: DurableJournal<Data>, log: Log): void {
    const streams = log.streams()
    const prefix = 'cart'
    same(Array.from(journal, seen), log.held)
    same([journal.nextSequence, journal.size()], [log.next, log.held.length])
    same([...journal.streams()], streams)
    same(
      STREAMS.slice(1).map((stream) => journal.streamVersion(stream)),
      STREAMS.slice(1).map((stream) => log.version(stream)),
    )
    same(
      [...journal.streams({ prefix })],
      streams.filter((stream) => stream.startsWith(prefix)),
    )
  }
}
