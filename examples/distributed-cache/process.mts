// The program of one node: its options are JSON in the first argument. It sends its address to its parent.
import { getDefaultSystem } from 'keelson'

import { program } from '../lib/program.mjs'
import { startNode } from './node.mjs'
import { httpTransport } from './transport.mjs'

// A terminal sends SIGINT to all processes of a program. The one that started this node decides how it ends.
process.on('SIGINT', () => {})
// Nobody starts this node again once the process that started it has gone.
process.on('disconnect', () => process.exit())

await program(async () => {
  const { port, ...options } = JSON.parse(process.argv[2] ?? '{}')
  const node = await startNode({ ...options, transport: httpTransport(port), system: getDefaultSystem() })
  process.send?.({ address: node.address })
  const asked = new Promise((resolve) => process.once('SIGTERM', resolve))
  await Promise.race([asked, node.supervisor.terminated])
  await node.stop()
  process.exit()
})
