import { callable } from '../internal/validate.ts'
import { checkTestOptions, createTestSystem, nameSeed, type TestSystem, type TestSystemOptions } from './test-system.ts'

/**
 * Returns a test body with a controlled system of its own, which is closed when the body ends. Works with every runner;
 * when the test fails, the error says which seed repeats it.
 *
 * @example
 * ```ts
 * test('wakes after a minute', withSystem(async ({ clock, system }) => {
 *   const woken = sleep(60_000).run({ system })
 *   await clock.advance(60_000)
 *   await woken
 * }))
 * ```
 */
export function withSystem(
  body: (system: TestSystem) => void | Promise<void>,
  options?: TestSystemOptions,
): () => Promise<void> {
  callable('body', body)
  checkTestOptions(options)
  return async () => {
    const system = createTestSystem(options)
    try {
      await body(system)
    } catch (error) {
      nameSeed(error, system.seed)
      // The body's own failure is the one to show.
      await system.close().catch(() => undefined)
      throw error
    }
    await system.close().catch((error: unknown) => {
      nameSeed(error, system.seed)
      throw error
    })
  }
}
