// Work at intervals, as a process: a failure crashes it, and its supervisor starts it again.
import { GenServer, type GenServerRef, type System } from 'keelson'

/** Starts a process that does some work at once, and again `everyMs` after the last work has ended. */
export function startTicker(
  everyMs: number,
  work: () => Promise<unknown>,
  system: System,
): Promise<GenServerRef<number, never, 'tick'>> {
  return GenServer.start<number, never, 'tick'>(
    {
      init() {
        GenServer.sendAfter(GenServer.self(), 'tick', 0)
        return 0
      },
      async handleCast(_, ticks) {
        await work()
        GenServer.sendAfter(GenServer.self(), 'tick', everyMs)
        return ticks + 1
      },
    },
    { system },
  )
}
