/** Values from outside may be anything. These are tests of private modules, which no entry exports. */
import { describe, expect, test } from 'vitest'

import { inside } from '../support/inside.ts'

const { asError, isError, Listeners, promiseOf, stackOf, tellOwner, textOf } = inside

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

class Odd extends Error {
  override get message(): string {
    throw new Error('no message')
  }
  override get stack(): string {
    throw new Error('no stack')
  }
}

const hostile: [string, () => unknown][] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['a symbol', () => Symbol('s')],
  ['an object without a prototype', () => Object.create(null)],
  ['a revoked proxy', revoked],
  ['an error whose getters throw', () => new Odd('x')],
  ['an error with a symbol as message', () => Object.assign(new Error('x'), { message: Symbol('s') })],
  ['a text of 32 MB', () => 'x'.repeat(32 << 20)],
  [
    'an object whose text throws',
    () => ({
      toString() {
        throw new Error('no text')
      },
    }),
  ],
]

describe('anything may be thrown', () => {
  test.each(hostile)('%s has a text, a stack and an error', (_, make) => {
    const thrown = make()
    expect(typeof textOf(thrown)).toBe('string')
    expect(textOf(thrown).length).toBeLessThanOrEqual(10_001)
    expect(typeof stackOf(thrown)).toBe('string')
    const error = asError(thrown)
    expect(isError(error)).toBe(true)
    if (!isError(thrown)) expect(error.cause === thrown).toBe(true)
  })

  test('an error keeps its identity', () => {
    const error = new RangeError('x')
    expect(asError(error)).toBe(error)
    expect(textOf(error)).toBe('x')
  })
})

/** Returns how a value settles, by `await` and by `promiseOf`. */
async function outcome(wait: () => unknown): Promise<unknown> {
  try {
    return { value: await wait() }
  } catch (error) {
    return { error: textOf(error) }
  }
}

const thenables: [string, () => unknown][] = [
  ['a native promise', () => Promise.resolve(1)],
  ['a rejected promise', () => Promise.reject(new Error('no'))],
  ['a native promise with a `then` of its own', () => Object.assign(Promise.resolve(1), { then: () => {} })],
  ['a native promise whose `then` is no function', () => Object.assign(Promise.resolve(1), { then: 3 })],
  ['a promise of a subclass', () => class extends Promise<number> {}.resolve(2)],
  ['a thenable', () => ({ then: (done: (value: number) => void) => done(3) })],
  ['a function with a `then`', () => Object.assign(() => {}, { then: (done: (value: number) => void) => done(3) })],
  [
    'a thenable that answers twice',
    () => ({
      then(done: (value: number) => void) {
        done(4)
        done(5)
      },
    }),
  ],
  [
    'a thenable that answers and throws',
    () => ({
      then(done: (value: number) => void) {
        done(4)
        throw new Error('late')
      },
    }),
  ],
  [
    'a thenable that throws',
    () => ({
      then() {
        throw new Error('at once')
      },
    }),
  ],
  [
    'a `then` that cannot be read',
    () => ({
      get then() {
        throw new Error('unreadable')
      },
    }),
  ],
  ['a revoked proxy', revoked],
]

describe('promiseOf waits as await does', () => {
  test.each(thenables)('%s', async (_, make) => {
    const expected = await outcome(() => make())
    const actual = await outcome(() => {
      const promise = promiseOf(make())
      expect(promise).toBeInstanceOf(Promise)
      return promise
    })
    expect(actual).toEqual(expected)
  })

  test('`then` is read once and called once, in a microtask', async () => {
    const seen: string[] = []
    const value = {
      get then() {
        seen.push('read')
        return (done: (value: number) => void) => {
          seen.push('called')
          done(1)
        }
      },
    }
    const promise = promiseOf(value)
    expect(seen).toEqual(['read'])
    expect(await promise).toBe(1)
    expect(seen).toEqual(['read', 'called'])
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['an object', {}],
    ['an object with a `then` that is no function', { then: 1 }],
    ['a function', () => {}],
  ])('%s is not waited for', (_, value) => {
    expect(promiseOf(value)).toBeUndefined()
  })
})

describe('listeners', () => {
  test('a listener may end itself, add another and tell while it is told, and each event reaches everybody once', () => {
    const told: string[] = []
    const list = new Listeners<string>('listener', () => {})
    const off = list.add((event) => {
      off()
      told.push(`first ${event}`)
      list.add((later) => void told.push(`added ${later}`))
      list.tell('inner')
    })
    list.add((event) => void told.push(`second ${event}`))
    list.tell('outer')
    expect(told).toEqual(['first outer', 'second inner', 'added inner', 'second outer'])
    list.tell('last')
    expect(told.slice(4)).toEqual(['second last', 'added last'])
    expect(list.size).toBe(2)
  })

  test('a listener that rejects by a thenable is heard once', async () => {
    const failures: unknown[] = []
    const list = new Listeners<string>('listener', (error) => void failures.push(error))
    list.add(() => ({
      then(_: unknown, reject: (error: unknown) => void) {
        reject('no')
        reject('again')
      },
    }))
    list.tell('x')
    await new Promise((done) => setImmediate(done))
    expect(failures).toEqual(['no'])
  })
})

test('an owner of errors that rejects loses neither error', async () => {
  const warnings: string[] = []
  const hear = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', hear)
  const rejects = (() => Promise.reject(new Error('second'))) as () => never
  tellOwner(rejects, new Error('first'), 'a part')
  await new Promise((done) => setTimeout(done, 20))
  process.off('warning', hear)
  expect(warnings.some((text) => text.includes('a part failed: Error: first'))).toBe(true)
  expect(warnings.some((text) => text.includes('onError failed: Error: second'))).toBe(true)
})
