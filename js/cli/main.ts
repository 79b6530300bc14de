#!/usr/bin/env node
/** The program `keelson`. */
import { isInvalidArgumentError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'
import { isJournalCorruptError } from '../journal/errors.ts'
import { readArguments, USAGE } from './arguments.ts'
import { runJournal } from './journal.ts'

const DAMAGED = 1
const WRONG = 2
const FAILED = 3

let isReadable = true
process.stdout.on('error', () => {
  // The reader of a pipe has ended, as `head` does.
  isReadable = false
})

function write(line: string): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(`${line}\n`, () => resolve(isReadable))
  })
}

async function main(): Promise<void> {
  const command = readArguments(process.argv.slice(2))
  if (command === undefined) await write(USAGE.trimEnd())
  else await runJournal(command, write)
}

main().catch((error: unknown) => {
  const isWrong = isInvalidArgumentError(error)
  process.stderr.write(`keelson: ${textOf(error)}\n${isWrong ? `\n${USAGE}` : ''}`)
  process.exitCode = isWrong ? WRONG : isJournalCorruptError(error) ? DAMAGED : FAILED
})
