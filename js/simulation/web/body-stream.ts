import type { IncomingMessage } from 'node:http'

/** The bytes that wait in a stream before its source is paused. */
const MOST_WAITING_BYTES = 65_536

/** Returns the body of a message as a stream of the web. */
export function streamOf(
  message: IncomingMessage,
  options: { readonly failure: (error: unknown) => unknown; readonly onCancel?: () => void },
): ReadableStream<Uint8Array> {
  let isOver = false
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        message.on('data', (chunk: Buffer) => {
          if (isOver) return
          controller.enqueue(new Uint8Array(chunk))
          if ((controller.desiredSize ?? 0) <= 0) message.pause()
        })
        message.on('end', () => {
          if (isOver) return
          isOver = true
          controller.close()
        })
        message.on('error', (error) => {
          if (isOver) return
          isOver = true
          controller.error(options.failure(error))
        })
      },
      pull() {
        message.resume()
      },
      cancel() {
        isOver = true
        options.onCancel?.()
      },
    },
    { highWaterMark: MOST_WAITING_BYTES, size: (chunk) => chunk.byteLength },
  )
}

/** A stream of Node that takes bytes. */
interface ByteSink {
  write(chunk: Uint8Array): boolean
  end(): unknown
  once(event: 'drain' | 'close', listener: () => void): unknown
  off(event: 'drain' | 'close', listener: () => void): unknown
  readonly destroyed: boolean
}

/** Writes a stream of the web to one of Node, as fast as that takes it. Rejects when the source fails. */
export async function pump(source: ReadableStream<Uint8Array>, sink: ByteSink): Promise<void> {
  const reader = source.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (!sink.write(value)) await drained(sink)
    if (sink.destroyed) {
      await reader.cancel()
      return
    }
  }
  sink.end()
}

function drained(sink: ByteSink): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      sink.off('drain', wake)
      sink.off('close', wake)
      resolve()
    }
    sink.once('drain', wake)
    sink.once('close', wake)
  })
}
