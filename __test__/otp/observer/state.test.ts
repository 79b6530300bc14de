import { GenServer, Observer } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { useStage } from '../../support/system.ts'

const stage = useStage()

/** Starts a process with a state that its casts replace. */
const start = (state: unknown) =>
  GenServer.start({ init: () => state, handleCast: (next: unknown) => next } as never, { system: stage.system })

describe('Observer.getState', () => {
  it('10 state is absent unless asked; redact hook that throws hides the value', async () => {
    const { system } = stage
    const ref = await start({ user: 'ada', password: 'secret', token: 'secret', nested: { password: 'secret' } })
    Observer.configure({ estimateState: true }, system)
    const shown = [Observer.getSnapshot(system), Observer.getTables(system), Observer.prepareExportData(system)]
    expect(JSON.stringify(shown)).not.toMatch(/secret|ada/)
    const redact = (value: unknown, path: readonly string[]): unknown => {
      if (path.at(-1) === 'token') throw new Error('no')
      return path.at(-1) === 'password' ? '***' : value
    }
    expect(await Observer.getState(ref, { redact })).toEqual({
      user: 'ada',
      password: '***',
      token: '[hidden]',
      nested: { password: '***' },
    })
  })

  it('calls the hook of the system before that of the caller, with the path', async () => {
    const { system } = stage
    const paths: string[] = []
    const hook = (name: string) => (value: unknown, path: readonly string[]) => {
      paths.push(`${name}:${path.join('.')}`)
      return value === 1 ? 2 : value
    }
    Observer.configure({ redact: hook('system') }, system)
    const ref = await start({ list: [1] })
    expect(await Observer.getState(ref.id, { redact: hook('own') }, system)).toEqual({ list: [2] })
    expect(paths).toEqual(['system:', 'own:', 'system:list', 'own:list', 'system:list.0', 'own:list.0'])
    Observer.configure({ redact: undefined }, system)
    expect(await Observer.getState(ref.id, {}, system)).toEqual({ list: [1] })
  })

  it('runs no getter, no method and no proxy of the state, and names what it leaves out', async () => {
    const never = (): never => {
      throw new Error('user code ran')
    }
    const trap = new Proxy({}, { get: never, ownKeys: never, getOwnPropertyDescriptor: never, getPrototypeOf: never })
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const state = {
      get secret() {
        return never()
      },
      trap,
      toJSON: never,
      circular,
      map: new Map<unknown, unknown>([['a', 1]]),
      set: new Set([1n]),
      at: new Date(0),
      bytes: new Uint8Array(4),
      later: Promise.resolve(),
      error: new Error('why'),
      none: undefined,
      nan: NaN,
      symbol: Symbol('s'),
      ['__proto__']: { polluted: true },
      many: Array.from({ length: 20_000 }, () => 0),
      beyond: 1,
    }
    const ref = await start(state)
    const copy = (await Observer.getState(ref)) as Record<string, unknown>
    expect(copy).toMatchObject({
      secret: '[getter]',
      trap: '[proxy]',
      toJSON: '[function]',
      circular: { self: '[circular]' },
      map: [['a', 1]],
      set: ['1n'],
      at: '1970-01-01T00:00:00.000Z',
      bytes: '[bytes]',
      later: '[promise]',
      error: { message: 'why' },
      nan: 'NaN',
      symbol: 'Symbol(s)',
    })
    expect((copy['many'] as unknown[]).length).toBeLessThan(10_001)
    expect((copy['many'] as unknown[]).at(-1)).toMatch(/^\[\d+ more\]$/)
    expect(copy['…']).toBe('[more]')
    expect(copy).not.toHaveProperty('beyond')
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('copies deep states and long texts as far as they are read', async () => {
    let deep: Record<string, unknown> = {}
    for (let depth = 0; depth < 50_000; depth++) deep = { deep }
    const ref = await start({ deep, long: 'x'.repeat(20_000) })
    const copy = JSON.stringify(await Observer.getState(ref))
    expect(copy).toContain('[deeper]')
    expect(copy.length).toBeLessThan(11_000)
  })

  it('waits for the handler that runs, at most for its deadline', async () => {
    const { clock, system } = stage
    let go!: (state: number) => void
    const ref = await GenServer.start(
      { init: () => 0, handleCast: () => new Promise<number>((resolve) => (go = resolve)) },
      { system },
    )
    GenServer.cast(ref, 1)
    await clock.flush()
    const late = Observer.getState(ref, { timeoutMs: 500 })
    const refused = expect(late).rejects.toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 500 })
    await clock.advance(500)
    await refused
    const between = Observer.getState(ref)
    go(7)
    expect(await between).toBe(7)
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('rejects for a process that ends meanwhile, has ended, or never was', async () => {
    const { clock, system } = stage
    const ref = await GenServer.start(
      { init: () => 0, handleCast: () => new Promise<number>(() => {}), terminate: () => {} },
      { system, name: 'orders' },
    )
    GenServer.cast(ref, 1)
    await clock.flush()
    const state = expect(Observer.getState(ref)).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    const other = await GenServer.start({ init: () => 0 }, { system })
    await GenServer.stop(other)
    const gone = expect(Observer.getState(other)).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    await clock.flush()
    await gone
    await system.close()
    await state
    await expect(Observer.getState(ref)).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    await expect(Observer.getState('genserver_0', {}, system)).rejects.toThrow('ref')
    await expect(Observer.getState(1 as never)).rejects.toThrow('ref')
    await expect(Observer.getState(ref, { timeoutMs: 0 })).rejects.toThrow('options.timeoutMs')
    await expect(Observer.getState(ref, { redactor: 1 } as never)).rejects.toThrow('options.redactor')
  })
})

describe('stateMemoryBytes', () => {
  const sizeOf = async (state: unknown): Promise<number> => {
    const ref = await start(state)
    const size = Observer.getServerStats(stage.system).find(({ id }) => id === ref.id)?.stateMemoryBytes ?? -1
    await GenServer.stop(ref)
    return size
  }

  it('is 0 unless it is asked for', async () => {
    expect(await sizeOf('text')).toBe(0)
    Observer.configure({ estimateState: true }, stage.system)
    expect(await sizeOf('text')).toBe(20)
    expect(Observer.getTable('process', stage.system).rows).toEqual([])
    Observer.configure({ estimateState: false }, stage.system)
    expect(await sizeOf('text')).toBe(0)
  })

  it('counts values, lists, maps and objects, each once', async () => {
    Observer.configure({ estimateState: true }, stage.system)
    const shared = 'ab'
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    const sizes = [
      [1, 8],
      [null, 8],
      [true, 4],
      [10n, 16],
      [shared, 16],
      [[1, 2], 24 + 16 + 16],
      [{ a: 1 }, 16 + 8 + 2 + 8],
      [new Map([[1, 2]]), 16 + 32 + 16],
      [new Set([1]), 16 + 32 + 8],
      [cyclic, 24 + 8],
      [new Uint8Array(100), 116],
      [new ArrayBuffer(100), 116],
    ] as const
    for (const [state, bytes] of sizes) expect(await sizeOf(state)).toBe(bytes)
  })

  it('shows in the table of processes', async () => {
    const { system } = stage
    Observer.configure({ estimateState: true }, system)
    await start('text')
    expect(Observer.getTable('process', system).rows[0]?.memory).toBe(20)
  })

  it('D18: looks at a bounded part of a state of any size and depth, and runs nothing of it', async () => {
    Observer.configure({ estimateState: true }, stage.system)
    const never = (): never => {
      throw new Error('user code ran')
    }
    class Hostile extends Map {
      override entries(): never {
        return never()
      }
      override [Symbol.iterator](): never {
        return never()
      }
      override get size(): number {
        return never()
      }
    }
    let deep: unknown = 0
    for (let depth = 0; depth < 50_000; depth++) deep = { deep }
    const trap = new Proxy({}, { get: never, ownKeys: never, getPrototypeOf: never })
    const state = {
      trap,
      deep,
      hostile: new Hostile(),
      get thrown() {
        return never()
      },
    }
    expect(await sizeOf(state)).toBeGreaterThan(10_000)
    expect(await sizeOf(new Map(Array.from({ length: 100_000 }, (_, key) => [key, key])))).toBeGreaterThan(3_200_000)
  })
})
