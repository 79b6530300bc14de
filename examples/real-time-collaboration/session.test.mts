import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GenServer, Registry } from 'keelson'
import { type TestSystem, withSystem } from 'keelson/testing'

import { Editor } from './editor.mjs'
import { Hub } from './hub.mjs'
import { Network } from './network.mjs'
import { BEAT_MS } from './protocol.mjs'
import type { Channel } from './session.mjs'
import { SLOW_MS } from './session.mjs'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'collaboration-'))
})
afterEach(() => rm(directory, { recursive: true }))

const editorOf = (site: string): Editor => new Editor({ document: 'page', site, name: site.toUpperCase() })
const namesOf = ({ presence }: Editor): string[] => presence.map(({ name }) => name)

/** A server, and editors over a network that loses nothing. They beat as long as they are connected. */
async function world(system: TestSystem, ...sites: string[]) {
  const hub = await Hub.start({ system, directory })
  const network = new Network(system, { loss: 0, delayMs: 5 })
  const editors = sites.map(editorOf)
  const cuts = editors.map((editor) => network.connect(editor, hub))
  system.clock.interval(BEAT_MS, () => {
    for (const editor of editors) editor.beat()
  })
  await system.clock.advance(100)
  return { hub, network, editors, cuts }
}

/** A connection to an editor that answers when the test says so. */
class SlowChannel implements Channel {
  readonly sent: string[] = []
  isClosed = false
  readonly #taken: (() => void)[] = []

  send(message: string): Promise<void> {
    this.sent.push(message)
    return new Promise((resolve) => this.#taken.push(resolve))
  }

  /** Takes all messages that wait. */
  take(): void {
    for (const taken of this.#taken.splice(0)) taken()
  }

  close(): void {
    this.isClosed = true
  }
}

const hello = (site: string): string =>
  JSON.stringify({ type: 'hello', document: 'page', site, name: site, position: 0 })

describe('presence', () => {
  test(
    'shows who is there, and where',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann', 'bob')
      const [ann, bob] = editors as [Editor, Editor]
      ann.insert(0, 'hello')
      ann.cursor = 4
      await system.clock.advance(2 * BEAT_MS)
      expect(bob.presence).toEqual([
        { site: 'ann', name: 'ANN', cursor: 4 },
        { site: 'bob', name: 'BOB', cursor: 0 },
      ])
      await hub.close()
    }),
  )

  test(
    'forgets an editor that misses three beats',
    withSystem(async (system) => {
      const { hub, editors, network } = await world(system, 'ann')
      const [ann] = editors as [Editor]
      const silent = editorOf('bob')
      network.connect(silent, hub)
      await system.clock.advance(2 * BEAT_MS)
      expect(namesOf(ann)).toEqual(['ANN', 'BOB'])
      await system.clock.advance(2 * BEAT_MS)
      expect(namesOf(ann)).toEqual(['ANN'])
      await hub.close()
    }),
  )

  test(
    'lets editors come after any number that went without a word',
    withSystem(async (system) => {
      const { hub, editors, network } = await world(system, 'ann')
      for (let index = 0; index < 50; index++) network.connect(editorOf(`ghost-${index}`), hub)
      await system.clock.advance(4 * BEAT_MS)
      const bob = editorOf('bob')
      network.connect(bob, hub)
      await system.clock.advance(100)
      expect(namesOf(bob)).toEqual(['ANN', 'BOB'])
      expect(namesOf(editors[0] as Editor)).toEqual(['ANN', 'BOB'])
      await hub.close()
    }),
  )

  test(
    'shows an editor once that connects again before its lease has ended',
    withSystem(async (system) => {
      const { hub, editors, network } = await world(system, 'ann', 'bob')
      network.connect(editors[1] as Editor, hub)
      await system.clock.advance(100)
      expect(namesOf(editors[0] as Editor)).toEqual(['ANN', 'BOB'])
      await hub.close()
    }),
  )
})

describe('a slow editor', () => {
  test(
    'has at most two messages under way, and slows nobody',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann', 'bob')
      const [ann, bob] = editors as [Editor, Editor]
      const channel = new SlowChannel()
      const slow = hub.connect(channel)
      await slow.receive(hello('slow'))
      for (let index = 0; index < 300; index++) {
        ann.insert(index, 'x')
        await system.clock.advance(10)
      }
      await system.clock.advance(1000)
      expect(bob.text).toBe('x'.repeat(300))
      expect(ann.isSaved).toBe(true)
      expect(channel.sent.length).toBeLessThanOrEqual(2)

      const copy = editorOf('slow')
      for (let round = 0; round < 20; round++) {
        channel.take()
        await system.clock.advance(10)
      }
      for (const message of channel.sent) copy.receive(message)
      expect(copy.text).toBe(bob.text)
      await hub.close()
    }),
  )

  test(
    'is let go when it takes nothing for too long',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann')
      const channel = new SlowChannel()
      const slow = hub.connect(channel)
      await slow.receive(hello('slow'))
      const beat = system.clock.interval(BEAT_MS, () => slow.receive('{"type":"beat","position":0,"cursor":0}'))
      await system.clock.advance(SLOW_MS - 1000)
      expect([channel.isClosed, namesOf(editors[0] as Editor)]).toEqual([false, ['ANN', 'slow']])
      await system.clock.advance(2000)
      expect([channel.isClosed, namesOf(editors[0] as Editor)]).toEqual([true, ['ANN']])
      beat.cancel()
      await hub.close()
    }),
  )

  test(
    'a fast one waits for its rate, and the others do not',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'bob')
      const [bob] = editors as [Editor]
      const saved = async (): Promise<number> => (await hub.history('page')).changes
      const fast = hub.connect({ send: async () => {}, close: () => {} })
      await fast.receive(hello('fast'))
      for (let first = 1; first < 450; first += 50) {
        const changes = Array.from({ length: 50 }, (_, index) => {
          const n = first + index
          return { type: 'insert', site: 'fast', n, after: null, counter: n, text: 'x' }
        })
        void fast.receive(JSON.stringify({ type: 'edit', changes }))
      }
      await system.clock.advance(100)
      expect(await saved()).toBe(200)
      bob.insert(0, 'b')
      await system.clock.advance(100)
      expect(await saved()).toBe(201)
      await system.clock.advance(1000)
      expect(await saved()).toBe(401)
      await system.clock.advance(1000)
      expect(await saved()).toBe(451)
      await hub.close()
    }),
  )

  test(
    'stays there and loses nothing when it sends more than its rate for long',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann', 'bob')
      const [ann, bob] = editors as [Editor, Editor]
      for (let index = 0; index < 2000; index++) ann.insert(0, 'a')
      for (let beat = 0; beat < 200 && !ann.isSaved; beat++) {
        await system.clock.advance(BEAT_MS)
        expect(namesOf(bob)).toContain('ANN')
      }
      await system.clock.advance(10 * BEAT_MS)
      expect([ann.isSaved, bob.text]).toEqual([true, 'a'.repeat(2000)])
      await hub.close()
    }),
  )

  test.each([
    ['text that is no message', 'nonsense', 'a message that is not one of an editor'],
    [
      'a change behind a character that is not there',
      '{"type":"edit","changes":[{"type":"insert","site":"eve","n":1,"after":[7,"ann"],"counter":8,"text":"x"}]}',
      'inserts behind a character that is not there',
    ],
    [
      'a change in the name of another',
      '{"type":"edit","changes":[{"type":"insert","site":"ann","n":1,"after":null,"counter":8,"text":"x"}]}',
      'a change of another editor',
    ],
  ])('%s ends the session, and no other', async (_, message, reason) =>
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann')
      const sent: string[] = []
      let isClosed = false
      const session = hub.connect({
        send: async (text) => void sent.push(text),
        close: () => void (isClosed = true),
      })
      await session.receive(hello('eve'))
      await session.receive(message)
      await system.clock.advance(100)
      expect([isClosed, JSON.parse(sent.at(-1) as string)]).toEqual([true, { type: 'refused', reason }])
      expect(namesOf(editors[0] as Editor)).toEqual(['ANN'])
      await hub.close()
    })(),
  )
})

describe('a document', () => {
  test(
    'goes on where it was when its process crashes',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann', 'bob')
      const [ann, bob] = editors as [Editor, Editor]
      ann.insert(0, 'before ')
      await system.clock.advance(100)
      await GenServer.stop(Registry.lookup('document/page', system), { error: new Error('a crash') })
      ann.insert(7, 'and after')
      await system.clock.advance(2 * BEAT_MS)
      expect([bob.text, ann.isSaved]).toEqual(['before and after', true])
      await hub.close()
    }),
  )

  test(
    'takes what was typed offline, with what others typed meanwhile',
    withSystem(async (system) => {
      const { hub, editors, cuts, network } = await world(system, 'ann', 'bob')
      const [ann, bob] = editors as [Editor, Editor]
      ann.insert(0, 'shared')
      await system.clock.advance(100)
      cuts[1]?.()
      ann.insert(6, ' by ann')
      bob.insert(0, 'bob ')
      await system.clock.advance(60_000)
      expect([ann.text, bob.text, bob.isSaved]).toEqual(['shared by ann', 'bob shared', false])
      network.connect(bob, hub)
      await system.clock.advance(BEAT_MS)
      expect([ann.text, bob.text]).toEqual(['bob shared by ann', 'bob shared by ann'])
      await hub.close()
    }),
  )

  test(
    'has its text after each change, also once the server has started again',
    withSystem(async (system) => {
      const { hub, editors } = await world(system, 'ann')
      const [ann] = editors as [Editor]
      const texts = ['', 'a', 'ab', 'b', 'bc']
      for (const text of texts.slice(1)) {
        ann.setText(text)
        await system.clock.advance(100)
      }
      await hub.close()
      const again = await Hub.start({ system, directory })
      for (const [changes, text] of texts.entries()) {
        expect(await again.history('page', changes)).toEqual({ changes: 4, text })
      }
      await again.close()
    }),
  )

  test(
    'is closed a minute after its last editor',
    withSystem(async (system) => {
      const { hub, cuts, editors, network } = await world(system, 'ann')
      const [ann] = editors as [Editor]
      ann.insert(0, 'kept')
      await system.clock.advance(100)
      cuts[0]?.()
      await system.clock.advance(59_000)
      expect(Registry.isRegistered('document/page', system)).toBe(true)
      await system.clock.advance(1000)
      expect(Registry.isRegistered('document/page', system)).toBe(false)
      network.connect(ann, hub)
      ann.insert(4, '!')
      await system.clock.advance(BEAT_MS + 100)
      expect((await hub.history('page')).text).toBe('kept!')
      await hub.close()
    }),
  )
})
