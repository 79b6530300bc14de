import { afterAll, afterEach, beforeAll, expect } from 'vitest'

/** Fails each test of the file that leaves an unhandled rejection. */
export function noUnhandledRejections(): void {
  const rejections: unknown[] = []
  const add = (reason: unknown): void => void rejections.push(reason)
  beforeAll(() => void process.on('unhandledRejection', add))
  afterAll(() => void process.off('unhandledRejection', add))
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    expect(rejections.splice(0)).toEqual([])
  })
}
