import { expect } from 'vitest'

import { type Any, freePort, itWithDocuments, program } from './program.ts'
import { timed } from '../support/rate-limited.ts'

/** The example's own limiter, which copies a map a request and has a timer a block, said with ours. */
const limiter = `
import { Limiter } from 'keelson'
class RateLimiter {
  #limiter: Limiter
  constructor(maxRequests = 100, windowMs = 60000, blockDurationMs = 300000) {
    const { system } = globalThis as any
    this.#limiter = new Limiter({ maxRequests, windowMs, blockDurationMs, system })
  }
  isAllowed(ip: string): boolean {
    return this.#limiter.take(ip).allowed
  }
}
`

itWithDocuments('the express server blocks an address that asks too much for five minutes, and no longer', async () => {
  const { system, clock } = timed()
  const port = await freePort()
  ;(globalThis as Any).system = system
  const { ProductionServer } = await program(
    'express-server-example',
    'createRootSupervisor',
    (code) => {
      const [from, to] = [code.indexOf('class RateLimiter {'), code.indexOf('// Request handler process')]
      return (
        `${limiter}${code.slice(0, from)}${code.slice(to)}`
          .replaceAll('3000,', `${port},`)
          .replaceAll('console.log(', '((..._: unknown[]) => {})(')
          // It counts requests that it refused as active for ever, and waits for them.
          .replace('maxWaitTime = 10000', 'maxWaitTime = 0')
      )
    },
    'express-server-limited',
  )
  const done = new ProductionServer().start()
  const ask = () => fetch(`http://127.0.0.1:${port}/health`)
  await expect
    .poll(() =>
      ask()
        .then(({ status }) => status)
        .catch(() => 0),
    )
    .toBe(200)
  for (let request = 2; request <= 50; request++) expect((await ask()).status).toBe(200)
  const refused = await ask()
  expect([refused.status, await refused.json()]).toEqual([429, { error: 'Too many requests' }])
  // Its window has passed, and so has its quota come back: it is blocked all the same.
  clock.advanceBy(299_999)
  expect((await ask()).status).toBe(429)
  clock.advanceBy(1)
  expect((await ask()).status).toBe(200)
  process.emit('SIGINT')
  await done
})

itWithDocuments(
  'the express server shuts down after a burst, though asks expired in the queue of its handler',
  async () => {
    const port = await freePort()
    const said: string[] = []
    ;(globalThis as Any).said = said
    const { ProductionServer } = await program(
      'express-server-example',
      'createRootSupervisor',
      (code) =>
        code
          .replaceAll('3000,', `${port},`)
          .replaceAll('ms(5000)', 'ms(1000)')
          .replaceAll('console.log(', '((text: unknown) => void globalThis.said.push(String(text)))('),
      'express-server-burst',
    )
    const done = new ProductionServer().start()
    await expect.poll(() => said.some((text) => text.includes('Server is running'))).toBe(true)
    const ask = () => fetch(`http://127.0.0.1:${port}/api/users`).then(({ status }) => status)
    const statuses = await Promise.all(Array.from({ length: 45 }, () => ask()))
    // Its handler does one at a time, so that some wait longer than they asked to.
    expect(statuses).toContain(500)
    process.emit('SIGINT')
    await done
    expect(said.at(-1)).toContain('Server shutdown complete')
  },
)
