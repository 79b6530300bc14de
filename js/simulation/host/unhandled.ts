/** Rejections that nobody handles, and errors that nobody catches, fail the run that they happen in. */

type Listener = (...args: unknown[]) => void

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const

/**
 * Hands what nobody handles to a listener, and to nobody else: a test runner would end the test, and Node the program.
 * The returned function undoes that.
 */
export function captureErrors(listener: (error: unknown) => void): () => void {
  const kept = EVENTS.map((event) => ({ event, listeners: process.rawListeners(event) as Listener[] }))
  const own: Listener = (error) => listener(error)
  for (const { event, listeners } of kept) {
    for (const each of listeners) process.off(event, each)
    process.on(event, own)
  }
  return () => {
    for (const { event, listeners } of kept) {
      process.off(event, own)
      for (const each of listeners) process.on(event, each)
    }
  }
}
