import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createSystemClock, type SystemClock } from 'keelson'
import { WebSocket } from 'ws'

import { Editor } from './editor.mjs'
import { BEAT_MS } from './protocol.mjs'

const main = fileURLToPath(new URL('main.mjs', import.meta.url))

let directory: string
let clock: SystemClock
const children: ChildProcess[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'collaboration-'))
  clock = createSystemClock()
})
afterEach(async () => {
  clock.close()
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  await rm(directory, { recursive: true })
})

/** Starts the server as a process of its own. Resolves with its address. */
async function serve(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [main, '--folder', directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(String(text))?.[0]
  if (url === undefined) throw new Error(`no address in ${text}`)
  return { child, url }
}

/** Reads the history. A server with too much to do refuses, and is asked again. */
async function history(url: string): Promise<{ changes: number; text: string }> {
  for (;;) {
    const response = await fetch(`${url}/history/page`)
    if (response.ok) return (await response.json()) as { changes: number; text: string }
    await clock.sleep(100)
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await clock.sleep(10)
}

/** Connects an editor by real WebSockets: by another one whenever one has closed, as the page does. */
class Link {
  isOpen = false
  #isOver = false
  #socket: WebSocket | undefined

  constructor(url: string, editor: Editor) {
    this.#connect(`${url.replace('http', 'ws')}/socket`, editor)
  }

  #connect(url: string, editor: Editor): void {
    const socket = new WebSocket(url)
    this.#socket = socket
    socket.on('open', () => {
      this.isOpen = true
      editor.connect((message) => socket.send(message))
    })
    socket.on('message', (data) => editor.receive(String(data)))
    // A socket that fails also closes.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isOpen = false
      editor.disconnect()
      if (!this.#isOver) clock.schedule(50, () => this.#isOver || this.#connect(url, editor))
    })
  }

  end(): void {
    this.#isOver = true
    this.#socket?.terminate()
  }
}

describe('a server', () => {
  test('that is killed has everything that an editor saw saved, and takes the rest later', async () => {
    const editors = ['ann', 'bob', 'eve'].map((site) => new Editor({ document: 'page', site, name: site }))
    clock.interval(BEAT_MS / 10, () => {
      for (const editor of editors) editor.beat()
    })
    let { child, url } = await serve()
    for (let kill = 0; kill < 3; kill++) {
      const links = editors.map((editor) => new Link(url, editor))
      const goal = editors[0]!.position + 30
      while (editors[0]!.position < goal) {
        for (const editor of editors) editor.insert(0, editor.site.charAt(0))
        await clock.sleep(1)
      }
      child.kill('SIGKILL')
      await once(child, 'exit')
      for (const link of links) link.end()
      await until(() => links.every(({ isOpen }) => !isOpen))
      ;({ child, url } = await serve())
      const { changes } = await history(url)
      expect(changes).toBeGreaterThanOrEqual(Math.max(...editors.map(({ position }) => position)))
    }
    const expected = editors.map(({ text, site }) => text.split(site.charAt(0)).length)
    const links = editors.map((editor) => new Link(url, editor))
    await until(() => editors.every(({ isSaved, position }) => isSaved && position === editors[0]!.position))
    const { text } = await history(url)
    expect(editors.map((editor) => editor.text)).toEqual([text, text, text])
    expect(editors.map(({ site }) => text.split(site.charAt(0)).length)).toEqual(expected)
    for (const link of links) link.end()
    await until(() => links.every(({ isOpen }) => !isOpen))
  })

  test('that is asked to end saves, closes its sockets and exits with 0', async () => {
    const { child, url } = await serve()
    const editor = new Editor({ document: 'page', site: 'ann', name: 'Ann' })
    const link = new Link(url, editor)
    editor.insert(0, 'hello')
    await until(() => editor.isSaved && link.isOpen)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    await until(() => !link.isOpen)
    link.end()
  })

  test('serves the page, its modules and the history, and nothing else', async () => {
    const { url } = await serve()
    for (const path of ['/', '/page.js', '/editor.mjs', '/protocol.mjs', '/sequence.mjs']) {
      const response = await fetch(url + path)
      expect([response.status, response.headers.get('content-security-policy')]).toEqual([
        200,
        expect.stringContaining("default-src 'self'"),
      ])
      expect(await response.text()).not.toMatch(/['"(]https?:\/\//)
    }
    for (const path of ['/server.mjs', '/history/Page', '/history/%2e%2e%2fpage', '/page/index.html']) {
      expect((await fetch(url + path)).status).toBe(404)
    }
    expect(await history(url)).toEqual({ changes: 0, text: '' })
    expect(await readdir(directory)).toEqual([])
  })

  test('refuses a socket that a page of another site opens', async () => {
    const { url } = await serve()
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, { origin: 'http://elsewhere.example' })
    const [error] = (await once(socket, 'error')) as [Error]
    expect(error.message).toContain('401')
  })
})
