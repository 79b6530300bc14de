import { parseArgs } from 'node:util'

import { InvalidArgumentError } from '../errors/errors.ts'
import { layoutOf, refreshOf, themeOf } from '../dashboard/choices.ts'
import { oneOf, text } from '../internal/validate.ts'
import type { TopArguments } from './top.ts'

/** The commands of `keelson journal`. */
const COMMANDS = ['cat', 'verify', 'stat', 'backup']

const OPTIONS = {
  json: { type: 'boolean' },
  stream: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  limit: { type: 'string' },
  backwards: { type: 'boolean' },
  refresh: { type: 'string' },
  theme: { type: 'string' },
  layout: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The options that only `cat` has. */
const OF_CAT = ['stream', 'from', 'to', 'limit', 'backwards'] as const

/** The options that only `top` has. */
const OF_TOP = ['refresh', 'theme', 'layout'] as const

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
keelson top [<pid> | <socket> | <url>] [--refresh <ms>] [--theme dark|light] [--layout full|compact|minimal]

Each command of journal works beside the process that writes it. doctor reports whether keelson can run here, which
processes are observed, and which have the journals below a directory open. top shows the dashboard of a service that is
observed, without an argument that of the only one; q leaves it, ? lists its keys. An address is the one that observe()
printed.
Exit codes: 0 done, 1 the journal is damaged, 2 wrong arguments, 3 it is no journal, or cannot be read or loaded, or no
service answers, or there is no terminal.
`

/** The arguments of `keelson doctor`. */
export interface DoctorArguments {
  readonly isDoctor: true
  /** Where to look for journals; `undefined` for nowhere. */
  readonly directory: string | undefined
}

/** Returns the arguments; `undefined` when help is wanted. @throws InvalidArgumentError naming the one that is refused. */
export function readArguments(args: readonly string[]): CommandArguments | DoctorArguments | TopArguments | undefined {
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
  oneOf('area', ['journal', 'doctor', 'top'], area)
  if (area === 'top') return topOf(command, directory, values)
  for (const name of OF_TOP) {
    if (values[name] !== undefined) {
      throw new InvalidArgumentError(`--${name}`, 'left out, as only top has it', values[name])
    }
  }
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

/** The options as they were written. */
type Values = Readonly<Record<string, string | boolean | undefined>>

function topOf(target: string | undefined, extra: string | undefined, values: Values): TopArguments {
  const { refresh = '500', theme = 'dark', layout = 'full', ...others } = values
  const surplus = extra ?? Object.keys(others)[0]
  if (surplus !== undefined) throw new InvalidArgumentError('arguments', 'no more than top takes', surplus)
  return {
    isTop: true,
    target: target === undefined ? undefined : text('target', target),
    refreshMs: refreshOf('--refresh', Number(refresh)),
    theme: themeOf('--theme', theme),
    layout: layoutOf('--layout', layout),
  }
}

function numberOf(name: 'from' | 'to' | 'limit', value: string | undefined): { readonly [N in typeof name]?: number } {
  if (value === undefined) return {}
  const number = Number(value)
  if (/^\d+$/.test(value) && Number.isSafeInteger(number)) return { [name]: number }
  throw new InvalidArgumentError(`--${name}`, 'an integer from 0', value)
}
