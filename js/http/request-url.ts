import type { IncomingMessage } from 'node:http'

/** Returns the URL a client asked for. Frameworks rewrite `url` while they route, and keep the first one. */
export const urlOf = (request: IncomingMessage): string =>
  (request as { originalUrl?: string }).originalUrl ?? request.url ?? ''

/** Returns a URL without its query, which may hold secrets. */
export function withoutQuery(url: string): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
