// Several people edit one text, in the browser.
//
//   npm run example -- real-time-collaboration
//   npm run example -- real-time-collaboration --port 8080 --folder ./documents
import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpdir } from 'node:os'

import { createSystem } from 'keelson'
import { gracefulShutdown } from 'keelson/fetch'

import { options, portOf } from '../lib/options.mjs'
import { listen, program } from '../lib/program.mjs'
import { Hub } from './hub.mjs'
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
  const hub = await Hub.start({ system, directory: values.folder })
  const server = createCollaboration(hub)
  // A signal closes the sockets, then the documents, then the system, and then ends the program.
  gracefulShutdown(server, { system, closeTimeout: 30_000, cleanup: () => hub.close() })
  const url = await listen(server, port)
  console.log(`Open ${url}/ in two windows. The documents are in ${values.folder}. Ctrl-C ends the server.`)
})
