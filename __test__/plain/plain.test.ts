import { createControlledClock, isNotPlainError } from 'keelson'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { inside } from '../support/inside.ts'

const { encodePlain, revivePlain } = inside

const roundTrip = (value: unknown): unknown => revivePlain(JSON.parse(encodePlain('value', value)))

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, '$', 'plain'),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float64Array(),
)
const key = fc.oneof(fc.string(), fc.constantFrom('$', 'v', 't', '__proto__', 'toJSON'))
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, tie('array'), tie('object'), tie('map'), tie('set')),
  array: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  map: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
  set: fc.array(tie('value'), { maxLength: 3 }).map((items) => new Set(items)),
}))

it('brings every plain value back as it was', () => {
  fc.assert(
    fc.property(value, (original) => {
      expect(roundTrip(original)).toStrictEqual(original)
    }),
    { seed: 3, numRuns: 2000 },
  )
})

it('writes plain JSON where JSON loses nothing', () => {
  const event = { type: 'paid', amount: 12.5, tags: ['a', null], nested: { ok: true } }
  expect(encodePlain('value', event)).toBe(JSON.stringify(event))
  expect(encodePlain('value', 'lone \ud800')).toBe('"lone \\ud800"')
})

it('brings an Instant, a Buffer and an ArrayBuffer back', () => {
  const at = createControlledClock(5).now()
  expect(roundTrip({ at })).toStrictEqual({ at })
  expect(roundTrip(Buffer.from('abc'))).toStrictEqual(Buffer.from('abc'))
  expect(roundTrip(new Uint8Array([1, 2]).buffer)).toStrictEqual(new Uint8Array([1, 2]).buffer)
})

class Money {
  amount = 1
}
const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const twice: unknown[] = []
twice.push({ a: twice, b: twice })
let deep: unknown = 1
for (let level = 0; level < 1001; level++) deep = [deep]
// oxlint-disable-next-line no-sparse-arrays -- the hole is the point
const sparse = [1, , 2]

it.each([
  ['a function', { user: { callback: () => 1 } }, 'value.user.callback', 'a function'],
  ['a symbol', [Symbol('x')], 'value[0]', 'a symbol'],
  ['a class instance', { price: new Money() }, 'value.price', 'an instance of Money'],
  ['an error', new Error('x'), 'value', 'an instance of Error'],
  ['a promise', { p: Promise.resolve() }, 'value.p', 'an instance of Promise'],
  ['a regular expression', /x/, 'value', 'an instance of RegExp'],
  ['a boxed number', Object(1), 'value', 'an instance of Number'],
  ['a cycle', cyclic, 'value.self', 'a cycle'],
  ['a cycle through two doors', twice, 'value[0].a', 'a cycle'],
  ['a hole', { list: sparse }, 'value.list[1]', 'a hole in an array'],
  ['something in a map', new Map([['k', () => 1]]), 'value.values()[0]', 'a function'],
  ['something in a set', new Set([new Money()]), 'value.values()[0]', 'an instance of Money'],
  ['an own toJSON', { toJSON: () => 1 }, 'value.toJSON', 'a function'],
])('refuses %s and says where', (_, given, path, reason) => {
  expect(() => encodePlain('value', given)).toThrow(
    expect.objectContaining({ code: 'KEELSON_NOT_PLAIN', path, reason }),
  )
})

it('refuses what is nested too deeply, whatever the stack', () => {
  const attempt = (): unknown => {
    try {
      return encodePlain('value', deep)
    } catch (error) {
      return error
    }
  }
  const error = attempt()
  expect(isNotPlainError(error) && error.reason).toBe('nested more than 1000 levels deep')
})

it('refuses a tag it does not know', () => {
  expect(() => revivePlain({ $: 'plain', v: { $: 'tensor' } })).toThrow(/does not know/)
  expect(() => revivePlain({ $: 'tensor' })).toThrow(/does not know/)
  expect(() => revivePlain({ $: 'plain', v: { $: 'bytes', t: 'constructor', v: '' } })).toThrow(/does not know/)
})

it('accepts the same object in two places, and one from another realm', async () => {
  const { runInNewContext } = await import('node:vm')
  const shared = { a: 1 }
  expect(roundTrip([shared, shared])).toStrictEqual([{ a: 1 }, { a: 1 }])
  expect(roundTrip(runInNewContext('({ a: [1, new Date(5)] })'))).toStrictEqual({ a: [1, new Date(5)] })
})

it('refuses what text would lose: properties of arrays, symbols as keys, properties of dates and maps', () => {
  const extra = Object.assign([1], { more: 2 })
  const symbol = { [Symbol('key')]: 1 }
  const cases: [unknown, string][] = [
    [extra, 'data[more]'],
    [{ list: extra }, 'data.list[more]'],
    [symbol, 'data[Symbol(key)]'],
    [[symbol], 'data[0][Symbol(key)]'],
    [Object.assign([1], symbol), 'data[Symbol(key)]'],
    [Object.assign(new Date(0), { zone: 'UTC' }), 'data[zone]'],
    [new Map([[1, Object.assign(new Set([1]), { of: 1 })]]), 'data.values()[0][of]'],
  ]
  for (const [given, path] of cases) {
    const refused = expect.objectContaining({ code: 'KEELSON_NOT_PLAIN', path }) as object
    expect(() => encodePlain('data', given), path).toThrow(refused)
  }
})

it('names the first fault of a value that also holds a revoked proxy, and throws what a getter throws', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const refused = (path: string): object => expect.objectContaining({ code: 'KEELSON_NOT_PLAIN', path }) as object
  expect(() => encodePlain('data', { a: 1, b: proxy })).toThrow(refused('data.b'))
  expect(() => encodePlain('data', { call() {}, b: proxy })).toThrow(refused('data.call'))
  expect(() => encodePlain('data', [new URL('http://a'), { b: [proxy] }])).toThrow(refused('data[0]'))
  const error = new Error('from a getter')
  const throwing = Object.defineProperty({ a: 1 }, 'b', {
    enumerable: true,
    get: () => {
      throw error
    },
  })
  expect(() => encodePlain('data', throwing)).toThrow(error)
})
