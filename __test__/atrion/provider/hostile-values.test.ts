/** A state provider is somebody else's program: whatever it returns or throws, the engine goes on deciding by itself. */
import * as fc from 'fast-check'
import { Atrion, type StateProvider } from 'keelson'
import { describe, expect, it, test } from 'vitest'
import { Reach, runsOf } from '../../support/programs.ts'
import { systemWith } from '../../support/system.ts'
import { good, refused } from '../../support/atrion.ts'

const never = new Promise<never>(() => {})
const hostile: Record<string, () => unknown> = {
  nothing: () => undefined,
  'a number': () => 5,
  'an empty list': () => [],
  'a list of anything': () => [null, 1, { tick: NaN }, { tick: 1, stored: 5 }, { tick: 2, stored: { state: null } }],
  'a state of NaN': () => [{ tick: 1, stored: { state: { node: 'x', scar: NaN, resistance: -1 }, ageMs: 1 } }],
  'an age of infinity': () => [{ tick: 1, stored: { state: { node: 'x', scar: 1, resistance: 1 }, ageMs: -Infinity } }],
  'a getter that throws': () => [
    {
      get tick() {
        throw Object.create(null)
      },
    },
  ],
  'a throw without text': () => {
    throw Object.create(null)
  },
  'a rejection': () => Promise.reject(new Error('down')),
  'a thenable that answers twice': () => ({
    then(done: (value: unknown) => void) {
      done([])
      done(5)
    },
  }),
  silence: () => never,
}

const NAMES = Object.keys(hostile)
const METHODS = ['connect', 'exchange', 'reset', 'disconnect'] as const

const operation = fc.oneof(
  fc.record({ do: fc.constantFrom(...METHODS), as: fc.constantFrom(...NAMES) }),
  fc.record({ do: fc.constantFrom('start' as const, 'stop' as const, 'route' as const), as: fc.constant('') }),
  fc.record({ do: fc.constant('advance' as const), as: fc.constantFrom('50', '1200', '7000') }),
)

const reach = new Reach()

test('whatever a state provider does, routes are decided, connecting settles and nothing is unhandled', async () => {
  const program = async (operations: { do: string; as: string }[]): Promise<void> => {
    reach.program(operations.map((one) => one.do))
    let reported = 0
    const { clock, system } = systemWith(() => void reported++, { seed: 1 })
    const acts = new Map<string, () => unknown>()
    const act = (method: string) => (): never => acts.get(method)?.() as never
    const provider: StateProvider = {
      name: 'odd',
      maxBatch: 2,
      connect: act('connect'),
      exchange: act('exchange'),
      reset: act('reset'),
      disconnect: act('disconnect'),
    }
    const atrion = new Atrion({ system, provider, sync: { intervalMs: 50, timeoutMs: 500, node: 'me' } })
    const waits: Promise<unknown>[] = []
    for (const one of operations) {
      if (one.do === 'start') waits.push(atrion.connect())
      else if (one.do === 'stop') waits.push(atrion.disconnect())
      else if (one.do === 'route') for (const name of ['a', 'b', 'c']) expect(atrion.route(name, good).allow).toBe(true)
      else if (one.do === 'advance') await clock.advance(Number(one.as))
      else acts.set(one.do, hostile[one.as] as () => unknown)
    }
    await clock.advance(20_000)
    await Promise.all(waits)
    if (reported > 0) reach.fault('reported')
    expect(atrion.route('a', good).allow).toBe(true)
    await system.close()
  }
  const list = fc.array(operation, { minLength: 8, maxLength: 55, size: 'max' })
  await fc.assert(fc.asyncProperty(list, program), runsOf('state providers', 100))
  expect(reach.faults('reported')).toBeGreaterThan(0)
  reach.print('state providers')
})

describe('a provider that cannot be one', () => {
  const whole = { name: 'x', maxBatch: 1, connect() {}, exchange() {}, reset() {}, disconnect() {} }
  it.each([
    ['options.provider.maxBatch', { ...whole, maxBatch: 0 }],
    ['options.provider.maxBatch', { ...whole, maxBatch: undefined }],
    ['options.provider.maxBatch', { ...whole, maxBatch: NaN }],
    ['options.provider.name', { ...whole, name: '' }],
    ['options.provider', { ...whole, reset: undefined }],
  ])('is refused with %s', (field, provider) => {
    expect(() => new Atrion({ provider: provider as never })).toThrow(refused(field) as Error)
  })
})
