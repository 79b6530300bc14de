// The flags of a command.
import { parseArgs } from 'node:util'

import { Failure } from './failure.mjs'

/** Returns the flags of this process, by the `options` of `parseArgs`. An unknown one fails with `usage` as its sentence. */
export function readFlags(options, usage) {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new Failure(`${usage}: ${error.message}`)
  }
}
