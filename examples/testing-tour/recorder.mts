// The recorder: a supervised process that writes prices to a journal on disk, each minute.
import type { DurableJournal } from 'keelson/journal'
import { GenServer, type GenServerBehavior, type GenServerRef, Supervisor, type SupervisorRef } from 'keelson/otp'
import type { System } from 'keelson/system'

export interface PriceEntry {
  readonly symbol: string
  readonly price: number
}

export interface RecorderOptions {
  readonly system: System
  readonly journal: DurableJournal<PriceEntry>
  readonly price: (symbol: string) => Promise<number>
  readonly symbols: readonly string[]
  readonly everyMs: number
  /** Gets each entry once it is on disk. */
  readonly listener?: GenServerRef
}

function recorder({ journal, price, symbols, everyMs, listener }: RecorderOptions): GenServerBehavior<number> {
  const again = (): unknown => GenServer.sendAfter(GenServer.self(), 'record', everyMs)
  return {
    init: () => {
      again()
      return 0
    },
    // A price that cannot be had crashes the process, and the supervisor starts it again.
    handleCast: async (_record, count) => {
      for (const symbol of symbols) {
        const entry = { symbol, price: await price(symbol) }
        await journal.append(entry)
        if (listener !== undefined) GenServer.cast(listener, entry)
      }
      again()
      return count + symbols.length
    },
  }
}

/** Starts the recorder under a supervisor, which waits longer from crash to crash and gives up after ten in an hour. */
export const startRecorder = (options: RecorderOptions): Promise<SupervisorRef> =>
  Supervisor.start({
    system: options.system,
    restartIntensity: { maxRestarts: 10, withinMs: 3_600_000 },
    children: [
      {
        id: 'recorder',
        start: () => GenServer.start(recorder(options), { system: options.system, name: 'recorder' }),
        backoff: { initialMs: 1000, maxMs: 300_000, jitter: 0 },
      },
    ],
  })
