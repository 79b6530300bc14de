import type { ControlledClock, System } from 'keelson'
import { rateLimit, type RateLimitMiddleware, type RateLimitOptions } from 'keelson/express'
import { onTestFinished } from 'vitest'

import { type ExpressModule, serve, type Served } from './express.ts'
import { systemWith } from './system.ts'

export interface Timed {
  readonly system: System
  readonly clock: ControlledClock
  readonly reported: { readonly error: unknown; readonly origin: string }[]
}

/** Creates a test system that keeps what is reported to it. It is closed with the test. */
export function timed(): Timed {
  const reported: { error: unknown; origin: string }[] = []
  const { clock, system } = systemWith((error, origin) => reported.push({ error, origin }), { initialTime: 1_000_000 })
  onTestFinished(() => system.close())
  return { system, clock, reported }
}

export interface Limited extends Timed, Served {
  readonly limiter: RateLimitMiddleware
}

/** Serves an app behind a limit of two requests a minute, or another that `options` set. */
export async function limited(
  express: ExpressModule,
  options: RateLimitOptions = {},
  setUp: (app: ReturnType<ExpressModule>) => void = () => {},
): Promise<Limited> {
  const all = timed()
  const app = express()
  setUp(app)
  const shared = options.limiter === undefined ? { limit: 2, system: all.system, ...options } : options
  const limiter = rateLimit(shared)
  app.use(limiter)
  app.use('/status/:code', (req, res) => void res.status(Number(req.params['code'])).end())
  app.use((req, res) => {
    const { rateLimit: info, quota } = req as unknown as Record<string, unknown>
    res.json({ info: info ?? quota ?? null })
  })
  const served = await serve(app)
  return { ...all, ...served, limiter }
}
