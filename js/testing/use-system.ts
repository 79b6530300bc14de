import { callbacks, options as checkOptions } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { checkTestOptions, createTestSystem, type TestSystem, type TestSystemOptions } from './test-system.ts'

type Hook = (body: () => void | Promise<void>) => unknown

/** The hooks of a test runner. */
export interface TestHooks {
  /** Runs before each test. */
  readonly beforeEach: Hook
  /** Runs after each test. */
  readonly afterEach: Hook
}

/**
 * Returns a fresh controlled system for each test of the file or block, closed after each. Call it where hooks are
 * called. Runners with global hooks need no argument; others pass theirs.
 *
 * @returns A function that gives the system of the running test.
 * @example
 * ```ts
 * import { afterEach, beforeEach } from 'node:test'
 * const system = useSystem({ beforeEach, afterEach })
 * test('…', async () => { await system().clock.advance(1000) })
 * ```
 */
export function useSystem(hooks?: TestHooks, options?: TestSystemOptions): () => TestSystem {
  if (hooks !== undefined) callbacks('hooks', checkOptions('hooks', hooks), ['beforeEach', 'afterEach'])
  const { beforeEach, afterEach } = hooks ?? (globalThis as unknown as Partial<TestHooks>)
  if (typeof beforeEach !== 'function' || typeof afterEach !== 'function') {
    throw new InvalidArgumentError(
      'hooks',
      '{ beforeEach, afterEach } of the test runner, since it has no global ones',
      hooks,
    )
  }
  checkTestOptions(options)
  let current: TestSystem | undefined
  beforeEach(() => {
    current = createTestSystem(options)
  })
  afterEach(async () => {
    const system = current
    current = undefined
    await system?.close()
  })
  return () => {
    if (current === undefined) throw new InvalidArgumentError('system()', 'called while a test runs', undefined)
    return current
  }
}
