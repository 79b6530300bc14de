/** Public names that several entries export with one meaning, each for its own framework. */
export const oneMeaning = {
  AdmissionOptions: 'keelson/express and keelson/fastify',
  RateLimitHandler: 'keelson/express and keelson/fastify',
  RateLimitOptions: 'keelson/express and keelson/fastify',
  RequestJournalOptions: 'keelson/express and keelson/fastify',
  ShedHandler: 'keelson/express and keelson/fastify',
} as const

/** Type names that js/ declares more than once today. The list only gets shorter: a name that was resolved is taken off. */
export const declaredTwice: readonly string[] = ['TimeoutError']
