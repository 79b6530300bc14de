// The program of one node: its options are JSON in the first argument. It sends its address to its parent.
import { getDefaultSystem } from 'keelson'

import { program, stopSignal } from '../lib/program.mjs'
import { startNode } from './node.mjs'
import { httpTransport } from './transport.mjs'

// Nobody starts this node again once the process that started it has gone.
process.on('disconnect', () => process.exit())

await program(async () => {
  const { port, ...options } = JSON.parse(process.argv[2] ?? '{}')
  const node = await startNode({ ...options, transport: httpTransport(port), system: getDefaultSystem() })
  process.send?.({ address: node.address })
  await Promise.race([stopSignal(), node.supervisor.terminated])
  await node.stop()
  process.exit()
})
