/**
 * Which way imports may run in js/: from a higher layer to a lower one, or within one layer without a cycle.
 * A new folder is entered here with its layer; a folder that is missing fails the tests.
 */
export const layers = {
  /** The seam and what everything stands on: the files directly in js/, errors, and helpers that everybody uses. */
  native: ['.', 'errors', 'internal', 'protocol'],
  primitives: ['tables', 'clock', 'system', 'plain', 'atom', 'journal', 'actor', 'rate', 'cache', 'policy', 'effect'],
  services: ['atrion', 'otp', 'process'],
  adapters: [
    'http',
    'express',
    'fastify',
    'koa',
    'fetch',
    'observe',
    'prometheus',
    'dashboard',
    'testing',
    'simulation',
    'fast-check',
    'cli',
    'opentelemetry',
  ],
} as const satisfies Record<string, readonly string[]>

const order: readonly (readonly string[])[] = [layers.native, layers.primitives, layers.services, layers.adapters]

/** The height of a folder's layer; undefined for a folder nobody has placed. */
export function heightOf(folder: string): number | undefined {
  const height = order.findIndex((folders) => folders.includes(folder))
  return height === -1 ? undefined : height
}
