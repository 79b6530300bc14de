import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { Redis } from 'ioredis'
import { Atrion, type AtrionEvent, createSystem, RedisStateProvider } from 'keelson'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { bad, good } from '../../support/atrion.ts'
import { missing, RedisServer, until } from './redis-server.ts'

const program = fileURLToPath(new URL('./redis-node.mjs', import.meta.url))

const hiding = new URL('./hide.mjs', import.meta.url).href

interface Line {
  readonly event?: string
  readonly resistance: number
  readonly shared: number
  readonly scar: number
}

/** A process of its own; its last line and all its events. */
class Peer {
  last: Line | undefined
  readonly events: string[] = []
  lines = 0
  readonly #child: ChildProcess

  constructor(url: string, health: 'sick' | 'well', hide = '') {
    this.#child = spawn(process.execPath, ['--import', hiding, program, url, health], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, HIDE: hide },
    })
    createInterface(this.#child.stdout!).on('line', (text) => {
      const line = JSON.parse(text) as Line
      this.lines++
      if (line.event === undefined) this.last = line
      else this.events.push(line.event)
    })
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(name)
  }

  async end(): Promise<number | null> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin?.end()
    return ((await exited) as [number | null])[0]
  }
}

describe.skipIf(missing !== undefined)(`Redis${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server?.end())

  function engine(provider: RedisStateProvider, node: string) {
    const events: AtrionEvent[] = []
    const system = createSystem()
    const atrion = new Atrion({
      system,
      provider,
      config: { bootstrapTicks: 0, decayRate: 0.001, healRate: 0 },
      sync: { intervalMs: 20, timeoutMs: 300, node },
      observer: (event) => void (event.type.startsWith('provider') && events.push(event)),
    })
    onTestFinished(() => system.close())
    return { atrion, events }
  }

  it('is shared by two processes, and either may be paused, killed or ended', async () => {
    const sick = new Peer(server.url, 'sick')
    const well = new Peer(server.url, 'well')
    await until(() => (sick.last?.scar ?? 0) > 100 && (well.last?.shared ?? 0) > 20, 'the well one leans to the sick')
    expect(well.last?.scar).toBe(0)
    expect(well.last?.resistance).toBeLessThanOrEqual(10 + 0.3 * 120 + 1e-3)
    // A process that stood still writes nothing over what is newer.
    sick.signal('SIGSTOP')
    const before = well.lines
    await until(() => well.lines > before + 20, 'the well one goes on')
    sick.signal('SIGCONT')
    await until(() => (sick.last?.shared ?? 0) < -10, 'the sick one hears of the well')
    expect(await well.end()).toBe(0)
    sick.signal('SIGKILL')
  })

  it('is away when it is killed or paused, and nobody waits; it is joined again when it is back', async () => {
    const own = await RedisServer.start()
    onTestFinished(() => own.end())
    const peer = new Peer(own.url, 'sick')
    await until(() => (peer.last?.scar ?? 0) > 50 && peer.events.includes('provider:joined'), 'joined')
    const goesOn = async (): Promise<void> => {
      const { lines } = peer
      await until(() => peer.lines > lines + 20, 'it goes on')
    }
    await own.kill()
    await until(() => peer.events.at(-1) === 'provider:away', 'away after a kill')
    await goesOn()
    await own.start()
    await until(() => peer.events.at(-1) === 'provider:joined', 'joined after a restart', 15_000)
    own.signal('SIGSTOP')
    await until(() => peer.events.at(-1) === 'provider:away', 'away in a pause')
    await goesOn()
    own.signal('SIGCONT')
    await until(() => peer.events.at(-1) === 'provider:joined', 'joined after a pause', 15_000)
    // What the restart lost was written again.
    const client = new Redis(own.url)
    await until(async () => (await client.get('{keelson:atrion}:db')) !== null, 'written again')
    client.disconnect()
    expect(await peer.end()).toBe(0)
  })

  it('is reached through either library, and told apart from one that is not installed', async () => {
    const own = await RedisServer.start()
    onTestFinished(() => own.end())
    const peer = new Peer(own.url, 'sick', 'ioredis')
    await until(() => peer.events.at(-1) === 'provider:joined', 'joined by redis')
    own.signal('SIGSTOP')
    await until(() => peer.events.at(-1) === 'provider:away', 'away')
    own.signal('SIGCONT')
    await until(() => peer.events.at(-1) === 'provider:joined', 'joined again', 15_000)
    expect(await peer.end()).toBe(0)
    const child = spawn(process.execPath, ['--import', hiding, program, own.url, 'well'], {
      env: { ...process.env, HIDE: 'ioredis,redis' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let output = ''
    child.stderr.on('data', (data) => (output += String(data)))
    expect((await once(child, 'exit'))[0]).toBe(1)
    expect(output).toContain('KEELSON_DEPENDENCY_MISSING')
    expect(output).toContain('npm install ioredis or npm install redis')
  })

  it('may be away from the beginning', async () => {
    const own = await RedisServer.start()
    onTestFinished(() => own.end())
    await own.kill()
    const { atrion, events } = engine(new RedisStateProvider(own.url), 'early')
    await atrion.connect()
    expect([atrion.providerState, events[0]?.type]).toEqual(['away', 'provider:away'])
    expect(atrion.route('db', good).allow).toBe(true)
    await own.start()
    await until(() => atrion.providerState === 'joined', 'joined', 15_000)
    await atrion.disconnect()
    expect(atrion.providerState).toBe('off')
  })

  it('is reached by a client that is given, which stays open', async () => {
    const ioredis = new Redis(server.url)
    const nodeRedis = createClient({ url: server.url })
    await nodeRedis.connect()
    const first = engine(new RedisStateProvider(ioredis, { prefix: 'given' }), 'first')
    const second = engine(new RedisStateProvider(nodeRedis as never, { prefix: 'given' }), 'second')
    await Promise.all([first.atrion.connect(), second.atrion.connect()])
    await until(() => {
      first.atrion.route('db', bad)
      second.atrion.route('db', good)
      return (second.atrion.getState('db')?.shared ?? 0) > 10
    }, 'shared')
    await Promise.all([first.atrion.disconnect(), second.atrion.disconnect()])
    expect([await ioredis.ping(), await nodeRedis.ping()]).toEqual(['PONG', 'PONG'])
    ioredis.disconnect()
    nodeRedis.destroy()
  })

  it('gathers no commands of a given client while it hangs', async () => {
    const own = await RedisServer.start()
    onTestFinished(() => own.end())
    const client = new Redis(own.url)
    client.on('error', () => {})
    let sent = 0
    const { call } = client
    client.call = ((...args: Parameters<typeof call>) => (sent++, call.apply(client, args))) as typeof call
    const { atrion } = engine(new RedisStateProvider(client), 'hangs')
    await atrion.connect()
    own.signal('SIGSTOP')
    await until(() => atrion.providerState === 'away', 'away')
    const before = sent
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(sent - before).toBe(0)
    own.signal('SIGCONT')
    await until(() => atrion.providerState === 'joined', 'joined', 15_000)
    await atrion.disconnect()
    client.disconnect()
  })

  it('takes what others left under its keys for nothing, and forgets routes that nobody writes', async () => {
    const client = new Redis(server.url)
    await client.set('{odd}:db', 'nonsense')
    await client.rpush('{odd}:list', 'a list')
    await client.set('{odd}:tick', '4503599627370496 0 {"node":"x","scar":100,"resistance":100}')
    const { atrion } = engine(new RedisStateProvider(server.url, { prefix: 'odd', ttlMs: 200 }), 'odd')
    await atrion.connect()
    const routes = ['db', 'list', 'tick']
    await until(async () => {
      for (const route of routes) atrion.route(route, bad)
      const kept = await Promise.all(routes.map((route) => client.get(`{odd}:${route}`).catch(() => null)))
      return kept.every((text) => /^\d{1,6} \d+ \{"node":"odd"/.test(text ?? ''))
    }, 'overwritten')
    for (const route of routes) expect(atrion.getState(route)?.shared).toBe(0)
    await atrion.disconnect()
    await until(async () => (await client.keys('{odd}:*')).length === 0, 'forgotten')
    client.disconnect()
  })

  it('is asked once an interval, for hundreds of routes at a time', async () => {
    const client = new Redis(server.url)
    const calls = async (): Promise<number> =>
      Number(/cmdstat_eval:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
    const { atrion } = engine(new RedisStateProvider(server.url, { prefix: 'many' }), 'many')
    await atrion.connect()
    const [before, from] = [await calls(), performance.now()]
    for (let call = 0; call < 20_000; call++) atrion.route(`r${call % 200}`, bad)
    await until(async () => (await client.keys('{many}:*')).length === 200, 'written')
    await atrion.disconnect()
    expect((await calls()) - before).toBeLessThanOrEqual((performance.now() - from) / 15 + 2)
    client.disconnect()
  })
})
