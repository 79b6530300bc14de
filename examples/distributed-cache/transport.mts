// The one interface between nodes: HTTP for processes, and a simulated network for tests.
import { createServer } from 'node:http'

import { listen } from '../lib/program.mjs'
import type { Message } from './protocol.mjs'

/** A message with the id of the operation that it belongs to. */
export interface Envelope {
  readonly message: Message
  readonly requestId: string
}

/** Handles a message. A rejection reaches the sender as a rejection. */
export type Receive = (envelope: Envelope) => Promise<unknown>

export interface Transport {
  /** Makes a node reachable. Resolves with its address. */
  listen(receive: Receive): Promise<{ readonly address: string; close(): Promise<void> }>
  /** Sends a message. Resolves with the answer; rejects when the node refuses, or no answer comes. */
  send(address: string, envelope: Envelope, signal: AbortSignal): Promise<unknown>
}

/** Nodes listen on the loopback interface, at this port or at any (0). A message is one POST. */
export const httpTransport = (port = 0): Transport => ({
  async listen(receive) {
    const server = createServer((request, response) => {
      const handle = async (): Promise<void> => {
        let text = ''
        for await (const chunk of request) text += String(chunk)
        const requestId = String(request.headers['x-request-id'])
        response.end(JSON.stringify(await receive({ message: JSON.parse(text) as Message, requestId })))
      }
      handle().catch((error: Error) => response.writeHead(503).end(error.message))
    })
    const address = await listen(server, port)
    return {
      address,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          server.closeAllConnections()
        }),
    }
  },
  async send(address, { message, requestId }, signal) {
    const headers = { 'content-type': 'application/json', 'x-request-id': requestId }
    const response = await fetch(address, { method: 'POST', body: JSON.stringify(message), headers, signal })
    if (!response.ok) throw new Error(await response.text())
    return response.json()
  },
})
