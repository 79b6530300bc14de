/** A service with something of every kind, for pictures and for tests that need a full page. */
import type { Cell } from '../../../web/protocol.d.ts'
import type { FakeServer } from './fake-server.ts'

const { sin, floor, max, round } = Math

/** A number from 0 to 1 that depends on nothing but its arguments. */
const noise = (seed: number, step: number): number => {
  const value = sin(seed * 127.1 + step * 311.7) * 43_758.5453
  return value - floor(value)
}

/** The cells of a process, in the order of its columns. */
export const processRow = (
  id: string,
  name: string,
  {
    kind = 'GenServer',
    status = 'running',
    mailbox = 0,
    messages = 0,
    restarts = 0,
    crashes = 0,
    parent = null as Cell,
  } = {},
): Cell[] => [id, name, kind, status, mailbox, messages, restarts, crashes, parent, 1_800_000_000_000, 0, 'default']

export class Scene {
  #step = 0
  readonly #server: FakeServer
  readonly #counters: Record<string, number> = {}

  constructor(server: FakeServer) {
    this.#server = server
    server.set('timer', 'default', 'default', 12, 4021, 18)
    server.set('effect', 'default', 'default', 3, 880, 2)
    server.set('bus', 'orders', 'orders', 8, 90_112, 214_870, 0, 'default')
    server.set('limiter', 'logins', 'logins', 1204, 51_200, 318, 0, 'default')
    server.set('policy', 'payments', 'payments', 'circuit', 'open', 0, 0, 1822, 45, 17, 'default')
    server.set('policy', 'mail', 'mail', 'bulkhead', 'closed', 4, 2, 740, 0, 3, 'default')
    server.set('atom', 'config', 'config', 17, 17, 5, true, 'default')
    const entries = Array.from({ length: 420 }, (_, index) => ({
      seq: index + 1,
      at: server.now - (420 - index) * 700,
      text: JSON.stringify({ type: index % 7 === 0 ? 'OrderCancelled' : 'OrderPlaced', order: 9000 + index }),
    }))
    server.journals.set('orders', entries)
    server.details.set('p7', {
      links: ['p2'],
      monitors: ['p6'],
      crashes: [
        {
          at: server.now,
          error: 'RangeError: The cart holds no item 12',
          stack:
            'RangeError: The cart holds no item 12\n    at remove (cart.ts:41:11)\n    at handleCall (cart.ts:88:14)',
          message: 'remove',
        },
      ],
    })
  }

  #grow(name: string, by: number): number {
    return (this.#counters[name] = round((this.#counters[name] ?? 0) + by))
  }

  /** Moves everything on by half a second. */
  step(): void {
    const server = this.#server
    const step = this.#step++
    const wave = 1 + 0.5 * sin(step / 40)
    const isFlood = step > 300 && step < 450
    const messages = (600 + 300 * noise(1, step)) * wave
    this.#processes(step)
    this.#route('GET /orders', 1, wave * (isFlood ? 3 : 1), isFlood)
    this.#route('POST /orders', 2, wave * 0.4, false)
    server.set(
      'cache',
      'products',
      'products',
      4000,
      this.#grow('hits', 90 * wave),
      this.#grow('misses', 8),
      this.#grow('ev', 2),
      7,
      'default',
    )
    server.set('journal', 'orders', 'orders', 'disk', 420, 1, 421, 182_000, 0, 'default')
    const blocked = this.#grow('blocked', isFlood && step % 9 === 0 ? 150 : noise(3, step) > 0.97 ? 60 : 0)
    const running = this.#grow('running', 180 * wave)
    server.state.loops = [
      {
        thread: 'main',
        running,
        idle: this.#grow('idle', 320),
        blocked,
        longest: 212,
        stalls: floor(blocked / 60),
        stalled: null,
      },
      {
        thread: 'worker 1',
        running: running / 2,
        idle: 9000,
        blocked: blocked / 8,
        longest: 48,
        stalls: 0,
        stalled: null,
      },
    ]
    server.state.memory = {
      rss: 148e6 + 9e6 * noise(5, floor(step / 20)),
      heapTotal: 72e6,
      heapUsed: 38e6 + (step % 60) * 3e5,
      external: 4e6,
    }
    server.state.totals = {
      processes: server.tables['process']?.size ?? 0,
      messages: this.#grow('messages', messages / 2),
      restarts: 3,
      crashes: 3,
      admitted: this.#counters['GET /orders admitted'] ?? 0,
      shed: this.#counters['GET /orders shed'] ?? 0,
    }
    if (step % 120 === 100) {
      server.tell({
        event: 'crashed',
        kind: 'process',
        key: 'p7',
        name: 'cart-1',
        text: 'RangeError: The cart holds no item 12',
      })
      server.tell({ event: 'restarted', kind: 'process', key: 'p7', name: 'cart-1', text: 'by carts, 2 of 5 in 60 s' })
    }
    if (step === 310)
      server.tell({ event: 'circuit', kind: 'policy', key: 'payments', name: 'payments', text: 'closed → open' })
    server.tick()
  }

  #processes(step: number): void {
    const server = this.#server
    const supervisors: [string, string, Cell][] = [
      ['p1', 'shop', null],
      ['p2', 'carts', 'p1'],
      ['p3', 'payments', 'p1'],
    ]
    for (const [id, name, parent] of supervisors) {
      server.set(
        'process',
        id,
        ...processRow(id, name, { kind: 'Supervisor', messages: 40, parent, restarts: name === 'carts' ? 2 : 0 }),
      )
      server.set(
        'supervisor',
        id,
        id,
        name,
        'one_for_one',
        3,
        name === 'carts' ? 2 : 0,
        5,
        parent,
        1_800_000_000_000,
        'default',
      )
    }
    for (let index = 0; index < 72; index++) {
      const id = `p${index + 6}`
      const name = ['inventory', 'cart', 'session', 'mailer'][index % 4] ?? ''
      const mailbox = floor(max(0, 12 * noise(index, floor(step / 4)) - 8))
      const sent = this.#grow(id, 6 * noise(index, step))
      const row = {
        mailbox,
        messages: sent,
        parent: ['p1', 'p2', 'p3'][index % 3] as Cell,
        restarts: index === 1 ? 2 : 0,
      }
      server.set('process', id, ...processRow(id, `${name}-${floor(index / 4) + 1}`, row))
    }
  }

  #route(name: string, seed: number, load: number, isFlood: boolean): void {
    const grow = (what: string, by: number): number => this.#grow(`${name} ${what}`, by)
    const step = this.#step
    const scar = max(0, (this.#counters[`${name} scar`] ?? 0) + (isFlood ? 1 : -1))
    this.#counters[`${name} scar`] = scar
    const pressure = (isFlood ? 34 : 4) + 6 * noise(seed, step)
    const momentum = isFlood && step < 330 ? 14 : 0
    const shown = Math.min(scar, 60)
    const admitted = grow('admitted', 120 * Math.min(load, 1.2))
    const shed = grow('shed', isFlood ? 80 * load * noise(seed + 9, step) : 0)
    this.#server.set(
      'route',
      name,
      name,
      10 + pressure + momentum + shown,
      10,
      pressure,
      momentum,
      shown,
      'OPERATIONAL',
      40,
      Math.min(40, round(22 * load)),
      isFlood ? 24 : 0,
      admitted,
      12,
      admitted - 30,
      25,
      5,
      shed,
      0,
      round(shed / 2),
      round(shed / 2),
      0,
      0,
      18 + 3 * noise(seed, step),
      isFlood ? 60 + 30 * noise(seed + 3, step) : 2 * noise(seed + 3, step),
      0.01,
      'default',
    )
  }
}
