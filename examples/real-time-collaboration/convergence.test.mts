import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GenServer, Registry } from 'keelson'
import { createTestSystem, type TestSystem } from 'keelson/testing'

import { programs } from '../lib/programs.mjs'
import { Editor } from './editor.mjs'
import { Hub } from './hub.mjs'
import { Network } from './network.mjs'
import { BEAT_MS } from './protocol.mjs'

const DOCUMENT = 'page'
const STEPS = 25

// These programs try no power cut, so a file system in memory will do. Another test kills the server.
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(base, 'collaboration-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** What happened in a program, so that the test can tell that the programs try everything. */
type Counts = Record<'edit' | 'cut' | 'crash' | 'restart', number>

/** Three editors, a server, and a network that loses a fifth of the messages. */
class World {
  readonly system: TestSystem
  readonly network: Network
  readonly editors: Editor[]
  readonly counts: Counts = { edit: 0, cut: 0, crash: 0, restart: 0 }
  readonly #cuts: ((() => void) | undefined)[] = []
  readonly #directory: string
  #hub: Hub | undefined

  constructor(seed: number) {
    this.system = createTestSystem({ seed })
    this.#directory = join(directory, String(seed))
    this.network = new Network(this.system, { loss: 0.2, delayMs: 1500 })
    this.editors = ['a', 'b', 'c'].map((site) => new Editor({ document: DOCUMENT, site, name: site }))
    this.system.clock.interval(BEAT_MS, () => {
      for (const editor of this.editors) editor.beat()
    })
  }

  get hub(): Hub {
    return this.#hub as Hub
  }

  async start(): Promise<void> {
    const options = { system: this.system, directory: this.#directory, durability: 'memory', snapshotEvery: 4 } as const
    this.#hub = await Hub.start(options)
    for (const at of this.editors.keys()) this.connect(at)
  }

  connect(at: number): void {
    this.#cuts[at]?.()
    this.#cuts[at] = this.network.connect(this.editors[at] as Editor, this.hub)
  }

  /** Does one random thing. */
  async step(): Promise<void> {
    const { clock, random } = this.system
    await clock.advance(random.int(1200))
    const at = random.int(3)
    const editor = this.editors[at] as Editor
    const chance = random.int(100)
    if (chance < 6) {
      this.counts.cut++
      this.#cuts[at]?.()
    } else if (chance < 12) this.connect(at)
    else if (chance < 14) {
      this.counts.crash++
      const ref = Registry.whereis(`document/${DOCUMENT}`, this.system)
      if (ref !== undefined) await GenServer.stop(ref, { error: new Error('a crash') })
    } else if (chance < 16) {
      this.counts.restart++
      for (const cut of this.#cuts) cut?.()
      await this.hub.close()
      await this.start()
    } else this.#edit(editor)
  }

  #edit(editor: Editor): void {
    const { random } = this.system
    this.counts.edit++
    const length = Array.from(editor.text).length
    const place = random.int(length + 1)
    if (length > 0 && random.int(3) === 0) editor.remove(place, 1 + random.int(3))
    else
      editor.insert(
        place,
        random
          .shuffle([...'abcé漢😀'])
          .slice(0, 1 + random.int(4))
          .join(''),
      )
  }

  /** Lets everything arrive. */
  async settle(): Promise<void> {
    this.network.options.loss = 0
    this.network.options.delayMs = 10
    for (const at of this.editors.keys()) this.connect(at)
    const isQuiet = async (): Promise<boolean> => {
      const { changes } = await this.hub.history(DOCUMENT)
      return this.editors.every((editor) => editor.isSaved && editor.position === changes)
    }
    for (let beat = 0; beat < 20 && !(await isQuiet()); beat++) await this.system.clock.advance(BEAT_MS)
  }

  async end(): Promise<void> {
    for (const cut of this.#cuts) cut?.()
    await this.hub.close()
    await this.system.close()
  }
}

async function run(seed: number): Promise<Counts> {
  const world = new World(seed)
  try {
    await world.start()
    for (let step = 0; step < STEPS; step++) await world.step()
    await world.settle()
    const { text } = await world.hub.history(DOCUMENT)
    const texts = world.editors.map((editor) => editor.text)
    expect({ seed, texts, saved: world.editors.map(({ isSaved }) => isSaved) }).toEqual({
      seed,
      texts: [text, text, text],
      saved: [true, true, true],
    })
    return world.counts
  } finally {
    await world.end()
  }
}

describe('three editors over a network that loses and delays messages have the same text in the end', () => {
  const firsts = Array.from({ length: programs(10) }, (_, index) => index * 100)
  test.each(firsts)('a hundred programs from seed %i on', async (first) => {
    // Each has a clock of its own. Together they use the disk better than one after the other.
    const all = await Promise.all(Array.from({ length: 100 }, (_, index) => run(first + index)))
    for (const key of ['edit', 'cut', 'crash', 'restart'] as const) {
      expect(all.reduce((sum, counts) => sum + counts[key], 0)).toBeGreaterThan(20)
    }
  })
})
