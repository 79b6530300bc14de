import { parseArgs } from 'node:util'

import { InvalidArgumentError } from '../errors/errors.ts'
import { oneOf, text } from '../internal/validate.ts'

/** The commands of `keelson journal`. */
const COMMANDS = ['cat', 'verify', 'stat', 'backup']

const OPTIONS = {
  json: { type: 'boolean' },
  stream: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  limit: { type: 'string' },
  backwards: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The options that only `cat` has. */
const OF_CAT = ['stream', 'from', 'to', 'limit', 'backwards'] as const

/** The arguments of a command. */
export interface CommandArguments {
  readonly command: string
  readonly directory: string
  /** The directory of a backup; empty for other commands. */
  readonly target: string
  readonly json: boolean
  readonly stream: string | undefined
  readonly range: { readonly from?: number; readonly to?: number; readonly limit?: number }
  readonly backwards: boolean
}

/** Explains the commands. */
export const USAGE = `keelson journal cat <directory> [--stream <name>] [--from <n>] [--to <n>] [--limit <n>] [--backwards] [--json]
keelson journal verify <directory> [--json]
keelson journal stat <directory> [--json]
keelson journal backup <directory> <target> [--json]
keelson doctor [<directory>]

Each command of journal works beside the process that writes it. doctor reports whether keelson can run here, and which
processes have the journals below a directory open.
Exit codes: 0 done, 1 the journal is damaged, 2 wrong arguments, 3 it is no journal, or cannot be read or loaded.
`

/** The arguments of `keelson doctor`. */
export interface DoctorArguments {
  readonly isDoctor: true
  /** Where to look for journals; `undefined` for nowhere. */
  readonly directory: string | undefined
}

/** Returns the arguments; `undefined` when help is wanted. @throws InvalidArgumentError naming the one that is refused. */
export function readArguments(args: readonly string[]): CommandArguments | DoctorArguments | undefined {
  let parsed
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    const reason = (error as Error).message
    throw new InvalidArgumentError('arguments', `those that --help lists (${reason})`, args.join(' '))
  }
  const { values, positionals } = parsed
  if (values.help === true) return undefined
  const [area, command, directory, target, ...rest] = positionals
  oneOf('area', ['journal', 'doctor'], area)
  if (area === 'doctor') {
    const extra = directory ?? Object.keys(values)[0]
    if (extra !== undefined) throw new InvalidArgumentError('arguments', 'a directory or none for doctor', extra)
    return { isDoctor: true, directory: command }
  }
  oneOf('command', COMMANDS, command)
  const [extra] = command === 'backup' ? rest : [target, ...rest]
  if (extra !== undefined) throw new InvalidArgumentError('arguments', `no more than ${command} takes`, extra)
  for (const name of OF_CAT) {
    if (command !== 'cat' && values[name] !== undefined) {
      throw new InvalidArgumentError(`--${name}`, 'left out, as only cat has it', values[name])
    }
  }
  return {
    command: command as string,
    directory: text('directory', directory),
    target: command === 'backup' ? text('target', target) : '',
    json: values.json === true,
    stream: values.stream === undefined ? undefined : text('--stream', values.stream),
    range: { ...numberOf('from', values.from), ...numberOf('to', values.to), ...numberOf('limit', values.limit) },
    backwards: values.backwards === true,
  }
}

function numberOf(name: 'from' | 'to' | 'limit', value: string | undefined): { readonly [N in typeof name]?: number } {
  if (value === undefined) return {}
  const number = Number(value)
  if (/^\d+$/.test(value) && Number.isSafeInteger(number)) return { [name]: number }
  throw new InvalidArgumentError(`--${name}`, 'an integer from 0', value)
}
