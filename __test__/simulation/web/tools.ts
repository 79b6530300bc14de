/** Two nodes with a server between them, for tests of what happens to requests. */
import type http from 'node:http'
import type { Simulation } from 'keelson/simulation'
import type { System } from 'keelson/system'
import { expect } from 'vitest'

import { rejection } from '../../support/rejection.ts'

/** Answers with what it got. */
export const echo: http.RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
  })
}

interface Between {
  readonly a: System
  readonly b: System
  /** Sends a request from a to b. */
  readonly send: (path: string, init?: RequestInit) => Promise<Response>
}

/** Listens as `api` on the node b, and sends requests from the node a. */
export function between(sim: Simulation, app: http.RequestListener = echo): Between {
  const [a, b] = [sim.system('a'), sim.system('b')]
  sim.listen('api', app, { system: b })
  return { a, b, send: (path, init) => sim.fetch(`http://api${path}`, init, { system: a }) }
}

/** Returns the message of the error of a request, and the code of its cause. */
export async function causeOf(promise: Promise<unknown>): Promise<[message: string, code: string | undefined]> {
  const error = await rejection(promise)
  expect(error).toBeInstanceOf(TypeError)
  return [error.message, error.cause?.code]
}
