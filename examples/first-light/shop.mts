// What the service has beside its gate when it is watched: supervised processes, of which one crashes and one blocks the
// event loop now and then, a cache, a journal, and a database that fails for a while.
import type { RequestHandler } from 'express'
import type { System } from 'keelson'
import { createJournal } from 'keelson/journal'
import { Cache, GenServer, type GenServerRef, Registry, Supervisor } from 'keelson/otp'

/** The ledger crashes at an entry of so many. */
const CRASH_EVERY = 3000
const REPORT_EVERY_MS = 20_000
const REPORT_BLOCKS_MS = 400
/** The database fails in the first seconds of each half-minute. */
const FAILS = { forMs: 6000, everyMs: 30_000 } as const
const PRODUCTS = 500

/** Starts what the service has beside its gate. Returns handlers of requests, which pass requests to its processes. */
export async function openShop(system: System): Promise<readonly RequestHandler[]> {
  const { clock, random } = system
  const audit = createJournal<{ product: number; served: number }>({
    system,
    maxEntries: 2000,
    overflow: 'bounded:drop_oldest',
  })
  const ledger = {
    init: () => 0,
    handleCast(product: number, served: number) {
      if (served === CRASH_EVERY) throw new RangeError(`The ledger is full at product ${product}`)
      if (served % 50 === 0) audit.append({ product, served })
      return served + 1
    },
  }
  const report = {
    init: () => 0,
    handleCast(_: { readonly type: 'monthly' }, reports: number) {
      // Work that should not be done on the event loop.
      for (const end = clock.monoMs() + REPORT_BLOCKS_MS; clock.monoMs() < end;);
      return reports + 1
    },
  }
  const mailer = { init: () => 0, handleCast: (_: number, mails: number) => mails + 1 }

  await Supervisor.start({
    system,
    name: 'shop',
    restartIntensity: { maxRestarts: 10, withinMs: 60_000 },
    children: [
      { id: 'products', start: () => Cache.start({ system, name: 'products', maxSize: PRODUCTS / 2 }) },
      { id: 'ledger', start: () => GenServer.start(ledger, { system, name: 'ledger' }) },
      { id: 'report', start: () => GenServer.start(report, { system, name: 'report' }) },
      {
        id: 'mailers',
        start: () =>
          Supervisor.start({
            system,
            name: 'mailers',
            children: ['orders', 'news', 'invoices'].map((name) => ({
              id: name,
              start: () => GenServer.start(mailer, { system, name: `mailer-${name}` }),
            })),
          }),
      },
    ],
  })
  clock.interval(REPORT_EVERY_MS, () => tell('report', { type: 'monthly' }))

  /** Sends a message to the process of a name, if it runs. */
  function tell(name: string, message: unknown): void {
    const ref: GenServerRef | undefined = Registry.whereis(name, system)
    if (ref !== undefined) GenServer.cast(ref, message)
  }

  return [
    (_req, res, next) => {
      if (clock.monoMs() % FAILS.everyMs < FAILS.forMs && random.next() < 0.4) {
        res.status(500).json({ ok: false })
        return
      }
      const product = Math.floor(random.next() * PRODUCTS)
      const products: GenServerRef | undefined = Registry.whereis('products', system)
      if (products !== undefined) void Cache.getOrSet(products, product, () => ({ product })).catch(() => {})
      tell('ledger', product)
      if (product % 10 === 0) tell(`mailer-${['orders', 'news', 'invoices'][product % 3]}`, product)
      next()
    },
  ]
}
