// Loaded before a block of the documentation: `console.log` writes to a file what it would print, and the line of the
// block that called it.
import { appendFileSync } from 'node:fs'
import { format } from 'node:util'

const file = process.env.KEELSON_BLOCK_OUTPUT

/** The line of the block in a stack, or 0 for a call from elsewhere, such as `.then(console.log)`. */
function lineIn(stack) {
  const frame = stack.split('\n').find((text) => text.includes(process.env.KEELSON_BLOCK))
  return Number(/:(\d+):\d+\)?$/.exec(frame ?? '')?.[1] ?? 0)
}

console.log = (...args) => {
  Error.stackTraceLimit = 100
  const { stack } = new Error('where')
  appendFileSync(file, `${JSON.stringify({ line: lineIn(stack), text: format(...args) })}\n`)
}
