import type { ControlledClock } from 'keelson/clock'
import { type DurableJournal, openJournal } from 'keelson/journal'
import { createTestSystem, type TestSystem } from 'keelson/testing'
import { expect } from 'vitest'

/** The operations of a program on a journal. */
export type Step =
  | { readonly op: 'append'; readonly key: number; readonly gone: boolean; readonly size: number }
  | { readonly op: 'many'; readonly count: number; readonly keyed: boolean; readonly size: number }
  | { readonly op: 'burst'; readonly count: number; readonly size: number }
  | { readonly op: 'compact'; readonly drop: boolean }
  | { readonly op: 'clear' }
  | { readonly op: 'retain' }
  | { readonly op: 'save'; readonly back: number }
  | { readonly op: 'fold' }
  | { readonly op: 'pass'; readonly part: number }
  | { readonly op: 'jump'; readonly parts: number }
  | { readonly op: 'reopen'; readonly limits: number; readonly closedFor: number; readonly jump: number }
  | { readonly op: 'conflict' }

export interface Limits {
  readonly maxEntries?: number
  readonly maxBytes?: number
  readonly maxAgeMs?: number
}

interface Data {
  readonly n: number
  readonly key: string
  readonly gone: boolean
  readonly pad: string
}

interface Held {
  readonly sequence: number
  readonly n: number
  readonly key: string
  readonly gone: boolean
  readonly bytes: number
  /** The earliest and the latest possible time of its append, on the journal's clock. */
  readonly born: readonly [number, number]
}

interface State {
  readonly plain: number
  readonly keys: Readonly<Record<string, number>>
}

const EMPTY: State = { plain: 0, keys: {} }

/** Sums what has no key, and keeps the last of each key. */
function reduce(state: State, { n, key, gone }: { n: number; key: string; gone: boolean }): State {
  if (key === '') return { ...state, plain: state.plain + n }
  const { [key]: _, ...others } = state.keys
  return { ...state, keys: gone ? others : { ...others, [key]: n } }
}

const FRAME = 44
/** A part of the age limit: how late a segment may go. */
const PARTS = 8

/** One journal, what it must hold, and the checks after each step. */
export class Journals {
  readonly notes: string[] = []
  readonly #path: string
  readonly #limits: readonly Limits[]
  readonly #unit: number
  readonly #clock: ControlledClock
  readonly #system: TestSystem
  #journal!: DurableJournal<Data | null>
  #limit: Limits = {}
  #alive: Held[] = []
  #next = 0
  #made = 0
  /** Saved states with what each must have become by now. */
  #saved: { readonly sequence: number; state: State }[] = []
  /** Removals of keys that a compaction dropped: as late as entries tell, and as late as one can have been. */
  #dropped: [number, number] = [-1, -1]
  #removal = -1
  /** The time of the journal, as little and as much as it can be. */
  #time: [number, number] = [0, 0]
  #mono = 0
  /** The same when something was last written, and the wall time then. */
  #written: { readonly time: readonly [number, number]; readonly wall: number } = { time: [0, 0], wall: 0 }
  #naming = ''
  #closes = 0

  constructor(path: string, limits: readonly Limits[]) {
    this.#path = path
    this.#limits = limits
    this.#unit = Math.max(...limits.map(({ maxAgeMs }) => maxAgeMs ?? 0), 800)
    this.#system = createTestSystem({ initialTime: Date.UTC(2025, 0, 1) })
    this.#clock = this.#system.clock
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.#open(0)
    this.#written = { time: [0, 0], wall: this.#clock.now().wallMs }
    try {
      for (const [index, step] of steps.entries()) {
        try {
          await this.#step(step)
          await this.#check(step)
        } catch (error) {
          ;(error as Error).message = `step ${index} (${JSON.stringify(step)}): ${(error as Error).message}`
          throw error
        }
      }
    } finally {
      await this.#journal.close()
      await this.#system.close()
    }
  }

  async #open(which: number): Promise<void> {
    this.#limit = this.#limits[which % this.#limits.length] ?? {}
    this.#journal = await openJournal<Data | null>(this.#path, {
      system: this.#system,
      durability: this.#made % 2 === 0 ? 'sync' : 'flush',
      segmentBytes: 4096,
      key: (data) => (data === null ? this.#naming : data.key === '' ? undefined : data.key),
      idGenerator: () => (this.#naming === '' ? 'none' : this.#naming),
      ...this.#limit,
    })
    this.#mono = this.#clock.monoMs()
  }

  #tick(): void {
    const mono = this.#clock.monoMs()
    const passed = mono - this.#mono
    this.#mono = mono
    this.#time = [this.#time[0] + passed, this.#time[1] + passed]
  }

  async #step(step: Step): Promise<void> {
    const journal = this.#journal
    switch (step.op) {
      case 'append': {
        const key = step.key < 0 ? '' : `k${step.key}`
        this.#naming = key
        const gone = step.gone && key !== ''
        const data = gone ? null : this.#data(key, step.size)
        this.#note(await journal.append(data), key)
        break
      }
      case 'many': {
        this.#naming = ''
        const datas = Array.from({ length: step.count }, (_, index) =>
          this.#data(step.keyed ? `k${index % 3}` : '', step.size),
        )
        for (const entry of await journal.appendMany(datas)) this.#note(entry, (entry.data as Data).key)
        break
      }
      case 'burst': {
        this.#naming = ''
        const datas = Array.from({ length: step.count }, () => this.#data('', step.size))
        for (const entry of await Promise.all(datas.map((data) => journal.append(data)))) this.#note(entry, '')
        break
      }
      case 'compact': {
        const before = this.#held()
        const dropped = await journal.compact({ dropTombstones: step.drop })
        const last = new Map(before.map(({ key, sequence }) => [key, sequence]))
        const kept = before.filter(
          ({ key, sequence, gone }) => key === '' || (last.get(key) === sequence && !(step.drop && gone)),
        )
        expect(dropped).toBe(before.length - kept.length)
        this.#alive = kept
        if (step.drop) {
          // A state that does not know of a removal which nothing tells any more does not stand.
          const removal = before.findLast(({ gone }) => gone)?.sequence ?? -1
          this.#dropped = [Math.max(this.#dropped[0], removal), Math.max(this.#dropped[1], this.#removal)]
          this.#saved = this.#saved.filter(({ sequence }) => sequence >= removal)
        }
        this.#wrote()
        break
      }
      case 'clear':
        await journal.clear()
        this.#alive = []
        this.#saved = []
        this.#wrote()
        break
      case 'retain':
        await journal.retain()
        break
      case 'save': {
        const sequence = Math.max(this.#next - 1 - step.back, -1)
        const first = journal.getFirst()?.sequence ?? this.#next
        // What stands for all before it needs all before it: a program that keeps states as it goes has them.
        const state = journal.fold(stateOf, { initial: EMPTY, upTo: sequence })
        try {
          await journal.saveSnapshot(state, { sequence })
        } catch (error) {
          expect(error).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'options.sequence' })
          expect(sequence, 'a state that knows of all removals').toBeLessThan(this.#dropped[1])
          this.notes.push('a state from before a dropped removal')
          break
        }
        const known = Math.max(sequence, first - 1)
        expect(known, 'a state from before a removal that was dropped').toBeGreaterThanOrEqual(this.#dropped[0])
        const later = this.#alive.filter((held) => held.sequence > sequence)
        this.#saved = this.#saved.filter((saved) => saved.sequence !== sequence)
        this.#saved.push({ sequence, state: later.filter(({ sequence: at }) => at >= first).reduce(reduce, state) })
        this.#saved = this.#saved.toSorted((a, b) => a.sequence - b.sequence).slice(-2)
        this.#wrote()
        break
      }
      case 'fold':
        this.#fold()
        break
      case 'pass':
        this.#clock.advanceBy((this.#unit * step.part) / 16)
        break
      case 'jump':
        this.#clock.jumpWallTime(this.#clock.now().wallMs + (this.#unit * step.parts) / 4)
        break
      case 'reopen':
        await this.#reopen(step)
        break
      default: {
        const other = { ...this.#limit, maxEntries: (this.#limit.maxEntries ?? 0) + 1 }
        const refused = openJournal(this.#path, { system: this.#system, segmentBytes: 4096, ...other })
        await expect(refused).rejects.toMatchObject({ field: expect.stringContaining('options.') as string })
      }
    }
  }

  #data(key: string, size: number): Data {
    return { n: ++this.#made, key, gone: false, pad: 'x'.repeat(size) }
  }

  #note(entry: { sequence: number; data: Data | null }, key: string): void {
    this.#tick()
    expect(entry.sequence).toBe(this.#next++)
    const n = entry.data?.n ?? 0
    const bytes = FRAME + 1 + key.length + JSON.stringify(entry.data).length
    const held = { sequence: entry.sequence, n, key, gone: entry.data === null, bytes, born: [...this.#time] as const }
    this.#alive.push(held)
    if (held.gone) this.#removal = held.sequence
    for (const saved of this.#saved) saved.state = reduce(saved.state, held)
    this.#wrote()
  }

  #wrote(): void {
    this.#tick()
    this.#written = { time: [...this.#time], wall: this.#clock.now().wallMs }
  }

  async #reopen({ limits, closedFor, jump }: Extract<Step, { op: 'reopen' }>): Promise<void> {
    this.#tick()
    const closed = { time: [...this.#time] as const, wall: this.#clock.now().wallMs }
    await this.#journal.close()
    this.#closes++
    this.#clock.advanceBy((this.#unit * closedFor) / 16)
    if (jump !== 0) this.#clock.jumpWallTime(this.#clock.now().wallMs + (this.#unit * jump) / 4)
    const wall = this.#clock.now().wallMs
    // While it is closed wall time counts, and never backwards.
    const since = (at: typeof closed): [number, number] => {
      const passed = Math.max(wall - at.wall, 0)
      return [at.time[0] + passed, at.time[1] + passed]
    }
    const [one, other] = [since(closed), since(this.#written)]
    this.#time = [Math.min(one[0], other[0]), Math.max(one[1], other[1])]
    await this.#open(limits)
  }

  #fold(): void {
    const journal = this.#journal
    const without = journal.fold(stateOf, { initial: EMPTY })
    expect(without).toEqual(this.#held().reduce(reduce, EMPTY))
    const newest = this.#saved.at(-1)
    let found: State
    try {
      found = journal.fold(stateOf, { initial: EMPTY, fromSnapshot: true })
    } catch (error) {
      if ((error as { code?: string }).code !== 'KEELSON_JOURNAL_GAP') throw error
      this.notes.push('a snapshot with a gap')
      const first = journal.getFirst()?.sequence ?? journal.nextSequence
      expect(newest).toBeDefined()
      expect(first).toBeGreaterThan((newest?.sequence ?? Infinity) + 1)
      return
    }
    // A state that was: the saved one and all that came after it; or none was saved that stands.
    if (JSON.stringify(found) !== JSON.stringify(without) || newest === undefined) {
      expect(sorted(found)).toEqual(sorted(newest?.state ?? without))
    }
  }

  /** Checks its entries, and that each missing one is missing for a reason. */
  #held(): Held[] {
    const { maxEntries, maxBytes, maxAgeMs } = this.#limit
    const actual = [...this.#journal].map(({ sequence }) => sequence)
    const gone = this.#alive.length - actual.length
    expect(actual).toEqual(this.#alive.slice(gone).map(({ sequence }) => sequence))
    if (maxEntries !== undefined) expect(actual.length, 'held').toBeLessThanOrEqual(maxEntries)
    let [bytes, count] = [0, 0]
    // Headers of segments, and the marks of closes.
    const around = 64 * (this.#journal.usage().segments + 2) + 100 * this.#closes
    const largest = Math.max(...this.#alive.map((held) => held.bytes))
    for (const held of this.#alive.toReversed()) {
      bytes += held.bytes
      if (++count > actual.length) {
        const surplus = maxEntries !== undefined && count > maxEntries
        const heavy = maxBytes !== undefined && bytes + Math.max(maxBytes / PARTS, 4096) + largest + around > maxBytes
        const old = maxAgeMs !== undefined && this.#time[1] - held.born[0] > maxAgeMs
        if (!surplus && !heavy && !old) {
          throw new Error(`entry ${held.sequence} went, of age ${this.#time[0] - held.born[1]} with ${bytes} bytes`)
        }
        this.notes.push(surplus ? 'dropped by count' : old ? 'dropped by age' : 'dropped by bytes')
        break
      }
    }
    this.#alive = this.#alive.slice(gone)
    return this.#alive
  }

  async #check(step: Step): Promise<void> {
    const journal = this.#journal
    // After an append nothing else is needed for the count to be right.
    const { maxEntries, maxBytes, maxAgeMs } = this.#limit
    if (maxEntries !== undefined) expect(journal.size(), 'size').toBeLessThanOrEqual(maxEntries)
    if (step.op !== 'jump' && step.op !== 'pass') await journal.sync()
    this.#tick()
    const held = this.#held()
    expect([journal.size(), journal.nextSequence]).toEqual([held.length, this.#next])
    expect(journal.getFirst()?.sequence).toBe(held[0]?.sequence)
    expect(journal.getLast()?.sequence).toBe(held.at(-1)?.sequence)
    const { bytes, segments } = journal.usage()
    const retained = step.op !== 'pass' && step.op !== 'jump' && step.op !== 'fold' && step.op !== 'save'
    if (maxBytes !== undefined && retained && segments > 1) expect(bytes, 'bytes').toBeLessThanOrEqual(maxBytes)
    // How long a segment lasts is decided when it is written, by the limits of then.
    const part = Math.max(...this.#limits.map((limit) => limit.maxAgeMs ?? Infinity)) / PARTS
    if (maxAgeMs !== undefined && (step.op === 'append' || step.op === 'retain' || step.op === 'reopen')) {
      const late = maxAgeMs + part
      for (const { sequence, born } of held) {
        const laterOnes = held.some((other) => other.born[0] > born[1] + part)
        if (this.#time[0] - born[1] > late && laterOnes) {
          throw new Error(`entry ${sequence} stayed, of age ${this.#time[0] - born[1]}`)
        }
      }
    }
    // A file for each part of a limit, and not for each append. A reopening and a compaction begin one each.
    const lasted = held[0] === undefined ? 0 : this.#time[1] - held[0].born[0]
    const parts = maxAgeMs === undefined ? 0 : (2 * PARTS * lasted) / maxAgeMs
    expect(segments, 'segments').toBeLessThanOrEqual(5 + (2 * bytes) / 4096 + parts)
  }
}

function stateOf(state: State, data: Data | null, { id }: { id: string }): State {
  return reduce(state, data ?? { n: 0, key: id, gone: true })
}

const sorted = (state: State): unknown => [state.plain, Object.entries(state.keys).toSorted()]
