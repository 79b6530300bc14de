/** Public names that several entries export with one meaning, each for its own framework. */
export const oneMeaning = {
  AdmissionOptions: 'keelson/express, fastify, koa and fetch',
  RateLimitHandler: 'keelson/express, fastify, koa and fetch',
  RateLimitMiddleware: 'keelson/express, koa and fetch',
  RateLimitOptions: 'keelson/express, fastify, koa and fetch',
  RequestJournalMiddleware: 'keelson/express, koa and fetch',
  RequestJournalOptions: 'keelson/express, fastify, koa and fetch',
  ShedHandler: 'keelson/express, fastify, koa and fetch',
  TierOptions: 'keelson/express, fastify and koa, and keelson/fetch',
} as const

/** Type names that js/ declares more than once today. The list only gets shorter: a name that was resolved is taken off. */
export const declaredTwice: readonly string[] = ['TimeoutError']
