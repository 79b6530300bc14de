/** A failure with one sentence for the reader and the failing tool's own output; never shown as a stack. */
export class Failure extends Error {
  constructor(sentence, output = '') {
    super(sentence)
    this.name = 'Failure'
    this.output = output
  }
}

/** Returns the text to print for an error: the sentence of a `Failure`, the stack of anything else. */
export function explain(error) {
  if (!(error instanceof Failure)) return String(error?.stack ?? error)
  return error.output.trim() === '' ? error.message : `${error.output.trimEnd()}\n\n${error.message}`
}

/** Runs a script's main function and turns a failure into a message and exit code 1. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  }
}
