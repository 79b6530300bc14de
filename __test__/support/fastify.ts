import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { onTestFinished } from 'vitest'

/** Creates a Fastify app that is closed with the test. */
export function app(options?: FastifyServerOptions): FastifyInstance {
  const made = Fastify(options) as unknown as FastifyInstance
  onTestFinished(() => made.close())
  return made
}
