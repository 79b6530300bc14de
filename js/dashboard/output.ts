/** What the program writes to its terminal while the dashboard has it. */
import type { WriteStream } from 'node:tty'

type Write = WriteStream['write']

/**
 * Sends what is written to a stream to `take`, where it is a terminal. What `take` refuses is written as usual. The
 * returned function ends it.
 */
function captureStream(stream: WriteStream, take: (bytes: Uint8Array) => boolean): () => void {
  if (!stream.isTTY) return () => {}
  const before = stream.write
  const write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
    const isText = typeof chunk === 'string'
    const bytes = isText
      ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
      : chunk instanceof Uint8Array
        ? chunk
        : undefined
    // What is no text or bytes is refused by the stream itself.
    if (bytes === undefined || !take(bytes)) return Reflect.apply(before, stream, [chunk, encoding, callback])
    const told = typeof encoding === 'function' ? encoding : callback
    if (typeof told === 'function') process.nextTick(told as () => void)
    return true
  }
  stream.write = write as Write
  return () => {
    if (stream.write === write) stream.write = before
  }
}

/**
 * Sends what is written to standard output and standard error to `take`, where they are terminals. The returned
 * function ends it.
 *
 * Node opens a terminal once more for its streams, so what they write does not pass the files 1 and 2, which the addon
 * sends to a pipe.
 */
export function captureOutput(take: (bytes: Uint8Array) => boolean): () => void {
  const ends = [process.stdout, process.stderr].map((stream) => captureStream(stream, take))
  return () => {
    for (const end of ends) end()
  }
}
