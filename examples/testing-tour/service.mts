// The service: prices from a cache, and their history on disk.
import { type DurableJournal, openJournal } from 'keelson/journal'
import { Cache, type GenServerRef, Supervisor } from 'keelson/otp'
import type { System } from 'keelson/system'

import type { PriceApi } from './api.mjs'
import { PriceClient } from './client.mjs'
import { type PriceEntry, startRecorder } from './recorder.mjs'

export interface ServiceOptions {
  readonly system: System
  readonly api: PriceApi
  /** The folder of the journal. */
  readonly folder: string
  readonly symbols?: readonly string[]
  readonly listener?: GenServerRef
}

export interface PriceService {
  /** Resolves with a price that is at most five seconds old, or a minute if the server fails. */
  price(symbol: string): Promise<number>
  /** Returns the recorded prices of a symbol, the oldest first. */
  history(symbol: string): number[]
  readonly journal: DurableJournal<PriceEntry>
  /** Resolves when the recorder has given up. */
  readonly gaveUp: Promise<unknown>
  stop(): Promise<void>
}

export async function startService(options: ServiceOptions): Promise<PriceService> {
  const { system, api, folder, symbols = ['GOLD'] } = options
  const client = new PriceClient(api, system)
  const prices = await Cache.start({ system, defaultTtlMs: 5000, staleIfErrorMs: 60_000, onLoadError: () => {} })
  const price = (symbol: string): Promise<number> => Cache.getOrSet(prices, symbol, () => client.price(symbol))
  const journal = await openJournal<PriceEntry>(folder, { system })
  const fresh = (symbol: string): Promise<number> => client.price(symbol)
  const recorder = await startRecorder({ ...options, journal, price: fresh, symbols, everyMs: 60_000 })
  return {
    price,
    history: (symbol) => journal.filter((entry) => entry.symbol === symbol).map((entry) => entry.price),
    journal,
    gaveUp: recorder.terminated.catch((error: unknown) => error),
    stop: async () => {
      await Supervisor.stop(recorder)
      await Cache.stop(prices)
      await journal.close()
    },
  }
}
