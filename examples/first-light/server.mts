// The service in a process of its own. With `--protected`, it has admission control. With `--watched`, it can be seen.
import type { AddressInfo } from 'node:net'

import { createSystem } from 'keelson'
import { observe } from 'keelson/observe'

import { createApp } from './app.mjs'
import type { Listening } from './service.mjs'
import { openShop } from './shop.mjs'

// With this seed, queries take 20 ms in the mean also over as few as a run has.
const isWatched = process.argv.includes('--watched')
// The dashboard shows crashes.
const system = createSystem({
  seed: 1,
  name: 'first-light',
  crashReports: !isWatched,
  ...(isWatched && { onError: () => {} }),
})
const handlers = isWatched ? await openShop(system) : []
const app = createApp(system, process.argv.includes('--protected') ? {} : undefined, handlers)
const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo
  process.send?.({ port, ...(isWatched ? await open() : {}) } satisfies Listening)
})

/** Opens the server of the dashboards. */
async function open(): Promise<{ readonly dashboard: string; readonly socket: string }> {
  process.title = 'first-light'
  const { address, token } = await observe(system, { http: true, socket: true, allowActions: true, state: {} })
  return { dashboard: `${address.http}?token=${token}`, socket: address.socket ?? '' }
}
// Nobody is left to answer when whoever started it has gone.
process.on('disconnect', () => process.exit())
