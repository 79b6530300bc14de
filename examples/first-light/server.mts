// The service in a process of its own. With `--protected`, it has admission control.
import type { AddressInfo } from 'node:net'

import { createSystem } from 'keelson'

import { createApp } from './app.mjs'

// With this seed, queries take 20 ms in the mean also over as few as a run has.
const app = createApp(createSystem({ seed: 1 }), process.argv.includes('--protected') ? {} : undefined)
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
// Nobody is left to answer when whoever started it has gone.
process.on('disconnect', () => process.exit())
