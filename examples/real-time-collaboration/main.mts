// Several people edit one text, in the browser.
//
//   npm run example -- real-time-collaboration
//   npm run example -- real-time-collaboration --port 8080 --folder ./documents
import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpdir } from 'node:os'

import { createSystem } from 'keelson'

import { options, portOf } from '../lib/options.mjs'
import { listen, program, stopSignal } from '../lib/program.mjs'
import { createCollaboration } from './server.mjs'

await program(async () => {
  const { values } = options({
    port: { type: 'string', default: '0' },
    folder: { type: 'string', default: join(tmpdir(), 'keelson-documents') },
  })
  const port = portOf(values.port)
  await mkdir(values.folder, { recursive: true })
  await access(values.folder, constants.W_OK)
  const system = createSystem()
  const { server, close } = await createCollaboration(system, values.folder)
  const url = await listen(server, port)
  console.log(`Open ${url}/ in two windows. The documents are in ${values.folder}. Ctrl-C ends the server.`)
  await stopSignal()
  await close()
  await system.close()
})
