import { readdirSync, readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { observe, type Observation } from 'keelson/observe'
import { Atrion } from 'keelson/atrion'
import { createJournal } from 'keelson/journal'
import { GenServer } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import type { System } from 'keelson/system'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type Answer, ask, bearer, type Loose, work } from '../support/observed.ts'
import { root } from '../support/root.ts'

const behavior = {
  init: () => ({ secret: 'x', open: 1 }),
  handleCall: (_: unknown, s: object) => [s, s] as const,
  handleCast: (_: unknown, s: object) => s,
}

let system: System
let observation: Observation
const TOKEN = 'a-token-of-the-test-0123'

const url = (path: string): string => `${observation.address.http}${path}`
const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  ask(url(path), { ...bearer(TOKEN), ...headers })
const json = async (path: string): Promise<Loose> => JSON.parse((await get(path)).body)

beforeEach(async () => {
  system = createTestSystem()
  observation = await observe(system, { http: true, token: TOKEN })
})
afterEach(() => system.close())

test('serves the page, its files and tables', async () => {
  await GenServer.start(behavior, { system, name: 'one' })
  const page = await get('')
  expect(page.status).toBe(200)
  expect(page.headers['content-type']).toContain('text/html')
  for (const name of readdirSync(join(root, 'web')).filter((each) => !/\.d\.ts$|^index\.html$/.test(each))) {
    const { status, body } = await get(`assets/${name}`)
    expect({ name, status, body }).toEqual({ name, status: 200, body: readFileSync(join(root, 'web', name), 'utf8') })
  }
  expect((await json('page?kind=process&filter=one')).rows).toMatchObject([[expect.any(String), { 1: 'one' }]])
  const routes = new Atrion({ system })
  work(routes, 'checkout')
  expect((await json('page?kind=timer')).rows).toHaveLength(1)
  expect((await json('page?kind=route')).rows).toMatchObject([
    [expect.stringMatching(/\/checkout$/), { 0: 'checkout' }],
  ])
})

test('pitfall 9: foreign Host, foreign Origin, null Origin, rebinding name, missing token: 403; token absent from every response body and log', async () => {
  const answers = [
    await ask(url('hello')),
    await ask(url('metrics')),
    await ask(url('hello'), bearer('another-token-of-the-test')),
    await ask(url('?token=another-token-of-the-test')),
    await get('hello', { host: 'evil.example' }),
    await get('hello', { host: '127.0.0.1.evil.example' }),
    await get('hello', { origin: 'null' }),
    await get('hello', { origin: 'http://evil.example' }),
    await get('hello', { origin: 'http://127.0.0.1:1' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403))
  const right = [
    await get(''),
    await get('hello'),
    await get('page?kind=process'),
    await ask(url(`?token=${TOKEN}`)),
    await get('metrics'),
  ]
  for (const { body, headers } of [...answers, ...right]) {
    expect(body).not.toContain(TOKEN)
    expect(headers['referrer-policy']).toBe('no-referrer')
    expect(headers['content-security-policy']).toContain("default-src 'self'")
  }
  expect(right.map(({ status }) => status)).toEqual([200, 200, 200, 303, 200])
})

test('the token of the address becomes a cookie that opens everything', async () => {
  const answer = await ask(url(`?token=${TOKEN}`))
  expect(answer.headers.location).toBe('/')
  const [cookie] = answer.headers['set-cookie'] as string[]
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/)
  expect((await ask(url('hello'), { cookie: cookie?.split(';')[0] as string })).status).toBe(200)
})

test('pitfall 10: state is absent unless asked; redact hook that throws hides the value', async () => {
  const ref = await GenServer.start(behavior, { system, name: 'stateful' })
  const key = (await json('page?kind=process')).rows[0][0]
  expect(await json(`detail?kind=process&key=${key}`)).not.toHaveProperty('state')
  expect((await json(`detail?kind=process&key=${key}&state=1`)).unanswered).toContain('option state')
  const redact = (value: unknown, path: readonly string[]): unknown => {
    if (path.at(-1) === 'secret') throw new Error('no')
    return value
  }
  const other = await observe(system, { http: true, token: TOKEN, state: { redact } })
  const answer = await ask(`${other.address.http}detail?kind=process&key=${key}&state=1`, bearer(TOKEN))
  expect(JSON.parse(answer.body).state).toEqual({ secret: '[hidden]', open: 1 })
  await GenServer.stop(ref)
  expect(await json(`detail?kind=process&key=${key}`)).toMatchObject({ found: false })
})

test('pitfall 11: kill or restart refused without allowActions', async () => {
  const ref = await GenServer.start(behavior, { system, name: 'target' })
  const key = (await json('page?kind=process')).rows[0][0]
  const action = JSON.stringify({ type: 'action', action: 'kill', key })
  const refused = await ask(url('action'), bearer(TOKEN), action)
  expect(refused.status).toBe(403)
  expect(GenServer.isRunning(ref)).toBe(true)
  const allowing = await observe(system, { http: true, token: TOKEN, allowActions: true })
  const restart = JSON.stringify({ type: 'action', action: 'restart', key })
  const alone = await ask(`${allowing.address.http}action`, bearer(TOKEN), restart)
  expect(JSON.parse(alone.body)).toMatchObject({ type: 'error', code: 'KEELSON_OBSERVE_NOT_SUPERVISED' })
  expect(JSON.parse((await ask(`${allowing.address.http}action`, bearer(TOKEN), action)).body)).toMatchObject({
    type: 'done',
  })
  expect(GenServer.isRunning(ref)).toBe(false)
})

test('a detail names the processes that one is linked to, and those that it monitors', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => GenServer.start(behavior, { system, name })))
  GenServer.link(one as never, two as never)
  GenServer.monitor(one as never, two as never)
  const rows = (await json('page?kind=process&by=name')).rows as [string, unknown[]][]
  const [first, second] = rows.map(([key]) => key)
  expect(await json(`detail?kind=process&key=${first}`)).toMatchObject({ links: [second], monitors: [second] })
  expect(await json(`detail?kind=process&key=${second}`)).toMatchObject({ links: [first], monitors: [] })
})

test('pages a journal from its end, and hides entries unless states are shown', async () => {
  const journal = createJournal<number>({ system })
  for (let entry = 0; entry < 5; entry++) journal.append(entry)
  const key = (await json('page?kind=journal')).rows[0][0]
  const hidden = await json(`journal?key=${key}&limit=2`)
  expect(hidden).toMatchObject({ type: 'journal', first: 0, next: 5, entries: [{ seq: 4 }, { seq: 3 }] })
  expect(hidden.entries[0].text).toContain('hidden')
  const other = await observe(system, { http: true, token: TOKEN, state: {} })
  const shown = await ask(`${other.address.http}journal?key=${key}&limit=2&before=2`, bearer(TOKEN))
  expect(JSON.parse(shown.body).entries.map(({ text }: { text: string }) => text)).toEqual(['1', '0'])
})

test('streams pages and updates as server-sent events until the client leaves', async () => {
  const watch = JSON.stringify({ type: 'watch', tables: [{ table: 'a', kind: 'process' }] })
  const types: string[] = []
  await new Promise<void>((resolve, reject) => {
    const sent = httpRequest(
      url(`stream?watch=${encodeURIComponent(watch)}`),
      { headers: bearer(TOKEN) },
      (response) => {
        expect(response.headers['content-type']).toBe('text/event-stream')
        response.setEncoding('utf8')
        let text = ''
        response.on('data', (chunk: string) => {
          text += chunk
          const parts = text.split('\n\n')
          text = parts.pop() as string
          for (const part of parts) types.push(JSON.parse(part.slice('data: '.length)).type)
          if (types.length >= 4) {
            sent.destroy()
            resolve()
          }
        })
      },
    )
    sent.on('error', (error) => (types.length >= 4 ? resolve() : reject(error)))
    sent.end()
  })
  expect(types.slice(0, 4)).toEqual(['hello', 'page', 'update', 'update'])
})
