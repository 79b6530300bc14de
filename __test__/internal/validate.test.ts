/** The checks at the edge. The package's own modules are tested here, as no entry exports them. */
import { GenServer, PartitionSupervisor, Registry, Supervisor } from 'keelson/otp'
import { createProcess } from 'keelson/process'
import { admission, rateLimit } from 'keelson/express'
import { createAtom } from 'keelson/atom'
import { Atrion } from 'keelson/atrion'
import { createSystemClock } from 'keelson/clock'
import { circuitBreaker, effect, retry, wrap } from 'keelson/effect'
import { InvalidArgumentError } from 'keelson'
import { describe, expect, test } from 'vitest'

import { inside } from '../support/inside.ts'

const { callbacks, known, nearest, object, show } = inside

const refusal = (run: () => unknown): InvalidArgumentError => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidArgumentError)
    return error as InvalidArgumentError
  }
  throw new Error('nothing was refused')
}

describe('what a misspelt name may stand for', () => {
  test.each([
    ['limt', ['limit', 'windowMs'], ['limit']],
    ['liimit', ['limit', 'windowMs'], ['limit']],
    ['ilmit', ['limit', 'windowMs'], ['limit']],
    ['lemit', ['limit', 'windowMs'], ['limit']],
    ['handelInfo', ['handleInfo', 'handleCall'], ['handleInfo']],
    ['max_restarts', ['maxRestarts'], ['maxRestarts']],
    ['timeout', ['timeoutMs', 'signal'], ['timeoutMs']],
    ['timeoutMs', ['timeout', 'signal'], ['timeout']],
    ['max', ['limit', 'windowMs'], ['limit']],
    ['maxRetries', ['maxAttempts', 'backoff'], ['maxAttempts']],
    ['ttl', ['maxSize', 'defaultTtlMs'], ['defaultTtlMs']],
    ['d', ['id', 'emit'], ['id']],
    ['t', ['to', 'it'], ['to', 'it']],
    ['colour', ['limit', 'windowMs'], []],
    ['', ['limit'], []],
    ['__proto__', ['limit'], []],
    ['constructor', ['limit'], []],
  ])('%j of %j is %j', (word, names, meant) => {
    expect(nearest(word, names)).toEqual(meant)
  })
})

describe('options', () => {
  test('that do not exist are refused, and the near one is named', () => {
    const error = refusal(() => known('options', { limt: 1 }, ['limit', 'windowMs']))
    expect(error.field).toBe('options.limt')
    expect(error.message).toBe(
      'options.limt must be one of the known options (limit, windowMs), got "limt": did you mean `limit`?',
    )
  })

  test('that are near none are refused without a guess', () => {
    expect(refusal(() => known('options', { colour: 1 }, ['limit'])).message).not.toContain('did you mean')
  })

  test('may be inherited and may have symbols; a near name that is inherited is refused, another is not', () => {
    known('options', Object.create({ limit: 1 }), ['limit'])
    known('options', { [Symbol('limt')]: 1 }, ['limit'])
    known('options', Object.create(null), ['limit'])
    class Settings {
      get limit(): number {
        return 1
      }
      describe(): string {
        return 'settings'
      }
    }
    known('options', new Settings(), ['limit'])
    class Misspelt {
      get limt(): number {
        throw new Error('is not read')
      }
    }
    expect(refusal(() => known('options', new Misspelt(), ['limit'])).field).toBe('options.limt')
    expect(refusal(() => known('options', Object.create({ limt: 1 }), ['limit'])).field).toBe('options.limt')
  })
})

describe('callbacks', () => {
  const names = ['init', 'handleCall', 'handleCast', 'handleInfo', 'terminate']

  test('that are nearly named as one that is not there are refused, also on a prototype', () => {
    expect(refusal(() => callbacks('behavior', { handelInfo: () => 1 }, names)).message).toContain(
      'did you mean `handleInfo`?',
    )
    class Misspelt {
      handleinfo(): void {}
    }
    class Derived extends Misspelt {}
    expect(refusal(() => callbacks('behavior', new Derived(), names)).field).toBe('behavior.handleinfo')
  })

  test('leave other methods and fields alone', () => {
    class Counter {
      terminated = false
      init(): number {
        return 0
      }
      inits(): void {}
      helper(): void {}
    }
    callbacks('behavior', new Counter(), names)
  })

  test.each<[string, () => unknown, string]>([
    ['GenServer.start', () => GenServer.start({ ...server, handelInfo: () => 0 } as typeof server), 'handleInfo'],
    [
      'GenServer.start, of a required one',
      () => GenServer.start({ ...server, handleCall: undefined, handelCall: () => 0 } as never),
      'handleCall',
    ],
    ['createProcess', () => createProcess({ handle: () => {}, terminat: () => {} } as never), 'terminate'],
  ])('of %s', async (_, start, meant) => {
    const error = await Promise.resolve()
      .then(start)
      .then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      )
    expect(error).toBeInstanceOf(InvalidArgumentError)
    expect(error?.message).toContain(`did you mean \`${meant}\`?`)
  })

  const server = {
    init: () => 0,
    handleCall: (_: unknown, state: number) => [state, state] as const,
    handleCast: (_: unknown, state: number) => state,
  }
})

describe('a system that is named and not there is refused', () => {
  const none = { system: undefined } as never
  test.each<[string, () => unknown]>([
    ['createAtom', () => createAtom(1, none)],
    ['new Atrion', () => new Atrion(none)],
    ['retry', () => retry({ maxAttempts: 2, ...(none as object) })],
    ['Registry.create', () => Registry.create(none)],
    ['admission', () => admission(none)],
    ['rateLimit', () => rateLimit(none)],
    ['effect().run', () => effect(() => 1).run(none)],
    ['Supervisor.start', () => Supervisor.start(none)],
  ])('%s', async (_, start) => {
    await expect(Promise.resolve().then(start)).rejects.toMatchObject({
      field: 'options.system',
      message: 'options.system must be a System, or left out for the default system, got undefined',
    })
  })

  test.each<[string, () => unknown]>([
    ['Registry.whereis', () => Registry.whereis('a', undefined)],
    ['Registry.getNames', () => Registry.getNames(undefined)],
    ['Registry.register', () => Registry.register('a', { id: 'x' }, undefined)],
    ['GenServer.onLifecycleEvent', () => GenServer.onLifecycleEvent(() => {}, undefined)],
    ['Supervisor.onLifecycleEvent', () => Supervisor.onLifecycleEvent(() => {}, undefined)],
    ['PartitionSupervisor.of', () => PartitionSupervisor.of('a', 1, undefined)],
  ])('as the last argument of %s', (_, call) => {
    expect(refusal(call).field).toBe('options.system')
  })
})

describe('options that were passed over before are refused', () => {
  test.each<[string, () => unknown]>([
    ['clock.sleep', () => createSystemClock().sleep(1, { signl: 1 } as never)],
    ['clock.deadline', () => createSystemClock().deadline({ wallMs: 0 }, { signl: 1 } as never)],
    ['clock.schedule', () => createSystemClock().schedule(1, () => {}, { lable: 'x' } as never)],
    ['policy.execute', () => retry().execute(() => 1, { sgnal: 1 } as never)],
    ['atrion.run', () => new Atrion().run('r', () => 1, { timeotMs: 1 } as never)],
    ['atrion.admit', () => new Atrion().admit('r', { timeotMs: 1 } as never)],
    ['atrion.tryAdmit', () => new Atrion().tryAdmit('r', { prioriti: 'low' } as never)],
    ['atom.swap', () => createAtom(1).swap((one) => one, { caus: 'x' } as never)],
    ['atom.reset', () => createAtom(1).reset(2, { caus: 'x' } as never)],
    ['atom.compareAndSet', () => createAtom(1).compareAndSet(1, 2, { caus: 'x' } as never)],
  ])('%s', async (_, call) => {
    await expect(Promise.resolve().then(call)).rejects.toThrow(/did you mean `/)
  })
})

test('a misspelt event is refused with the one that was meant', () => {
  const breaker = circuitBreaker({ consecutive: 1 })
  expect(() => breaker.on('opne' as never, () => {})).toThrow(/got "opne": did you mean `open`\?$/)
  expect(() => wrap(breaker).on('opne', () => {})).toThrow(/did you mean `open`\?$/)
  expect(() => breaker.on(5 as never, () => {})).toThrow(/got 5$/)
})

describe('a value in a message', () => {
  class Odd {
    get secret(): string {
      throw new Error('a getter ran')
    }
  }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const trap = (): never => {
    throw new Error('a trap ran')
  }
  test.each<[() => unknown, string]>([
    [() => [], '[] (an empty array)'],
    [() => ['SIGTERM', 5, null], '["SIGTERM", 5, null] (an array of 3)'],
    [() => [1, 2, 3, 4, 5, 6], '[1, 2, 3, 4, 5, …] (an array of 6)'],
    [() => [[1], { a: 1 }], '[an array, an object { a }] (an array of 2)'],
    // oxlint-disable-next-line no-sparse-arrays -- a hole is shown as one
    [() => [, 1], '[a hole, 1] (an array of 2)'],
    [() => ({}), 'an object without fields'],
    [() => ({ host: 'x', password: 'secret' }), 'an object { host, password }'],
    [() => Object.create(null), 'an object without fields'],
    [() => new Odd(), 'an instance of Odd'],
    [() => new Map(), 'an instance of Map'],
    [() => revoked.proxy, 'a proxy'],
    [() => new Proxy({}, { ownKeys: trap, getPrototypeOf: trap, get: trap }), 'a proxy'],
    [() => 'x'.repeat(100), `"${'x'.repeat(60)}…"`],
    [() => 12n, '12n'],
    [() => -0, '-0'],
    [() => Symbol('s'), 'Symbol(s)'],
    [() => undefined, 'undefined'],
    [() => () => 1, 'function (anonymous)'],
    [() => Object.defineProperty(() => 1, 'name', { get: trap }), 'function (anonymous)'],
  ])('%# is shown', (make, shown) => {
    expect(show(make())).toBe(shown)
  })

  test('that is no object is refused by name, also a revoked proxy', () => {
    for (const value of [null, 1, [], revoked.proxy]) {
      expect(refusal(() => object('options', value)).field).toBe('options')
    }
  })
})
