// The service under a load that does not end, and a window into it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { createSystem } from 'keelson'

import { httpClients, offer, phasesOf } from './load.mjs'
import { startService } from './service.mjs'

/** The load goes up to twice the capacity and back, in so many seconds. */
const ROUND_SECONDS = 60

/** Runs the service with its gate, and shows it: in this terminal, or as the URL of a page. Ends with the terminal. */
export async function watch({ inTerminal }: { readonly inTerminal: boolean }): Promise<void> {
  const service = await startService(true, ['--watched'])
  const { dashboard = '', socket = '' } = service
  const system = createSystem({ seed: 42 })
  const clients = httpClients(service.url, system.clock)
  const load = async (): Promise<never> => {
    for (;;) await offer(clients.send, phasesOf(ROUND_SECONDS), system, () => {})
  }
  if (!inTerminal) {
    console.log(`The dashboard of the service: ${dashboard}\n
Every ${ROUND_SECONDS} s the load goes to twice the capacity. Now and then the database fails, a process crashes, and another blocks
the event loop. Press Ctrl-C to end it.`)
    await load()
  }
  void load()
  const require = createRequire(import.meta.url)
  const manifest = require.resolve('keelson/package.json')
  const program = join(dirname(manifest), (require(manifest) as { bin: { keelson: string } }).bin.keelson)
  await once(spawn(process.execPath, [program, 'top', socket], { stdio: 'inherit' }), 'close')
  process.exit(0)
}
