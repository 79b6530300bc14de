#!/usr/bin/env node
/** The program `keelson`. */
import { isInvalidArgumentError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'
import { readArguments, USAGE } from './arguments.ts'
import { examine, observedServices } from './doctor.ts'
import { openJournals } from './open-journals.ts'
import { runTop } from './top.ts'

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
  if (command === undefined) {
    await write(USAGE.trimEnd())
    return
  }
  if ('isDoctor' in command) {
    const journals = command.directory === undefined ? [] : openJournals(command.directory)
    const { lines, isWell } = examine()
    for (const line of [...lines, ...observedServices(), ...journals]) await write(line)
    if (!isWell) process.exitCode = FAILED
    return
  }
  if ('isTop' in command) {
    await runTop(command)
    return
  }
  // Loaded here: the other commands work without the addon.
  const { runJournal } = await import('./journal.ts')
  await runJournal(command, write)
}

const codeOf = (error: unknown): unknown => (Object(error) as { code?: unknown }).code

main().catch((error: unknown) => {
  const isWrong = isInvalidArgumentError(error)
  process.stderr.write(`keelson: ${textOf(error)}\n${isWrong ? `\n${USAGE}` : ''}`)
  process.exitCode = isWrong ? WRONG : codeOf(error) === 'KEELSON_JOURNAL_CORRUPT' ? DAMAGED : FAILED
})
