// The flags of an example.
import { parseArgs, type ParseArgsConfig } from 'node:util'

import { Refusal } from './program.mjs'

type Flags = NonNullable<ParseArgsConfig['options']>
type Config<F extends Flags> = { readonly args: string[]; readonly options: F; readonly allowPositionals: true }
type Parsed<F extends Flags> = ReturnType<typeof parseArgs<Config<F>>>

/**
 * Reads the flags of an example, and the words before or between them: `words` lists those that are allowed.
 *
 * @throws Refusal with one line for an unknown flag or word.
 */
export function options<F extends Flags>(
  flags: F,
  { args = process.argv.slice(2), words = [] }: { readonly args?: string[]; readonly words?: readonly string[] } = {},
): Parsed<F> {
  let parsed: Parsed<F>
  try {
    parsed = parseArgs({ args, options: flags, allowPositionals: true })
  } catch (error) {
    const [line = ''] = (error as Error).message.split(/\n|\. To specify/)
    throw new Refusal(`${line.replace(/\.$/, '')}. ${usageOf(flags, words)}`)
  }
  const stray = parsed.positionals.find((word) => !words.includes(word))
  if (stray !== undefined) throw new Refusal(`Unexpected word '${stray}'. ${usageOf(flags, words)}`)
  return parsed
}

function usageOf(flags: Flags, words: readonly string[]): string {
  const names = Object.keys(flags).map((name) => `--${name}`)
  const wordPart = words.length === 0 ? [] : [`one of ${words.join(', ')}`]
  const flagPart = names.length === 0 ? [] : [`the flags ${names.join(', ')}`]
  const parts = [...wordPart, ...flagPart]
  return parts.length === 0 ? 'There are no flags.' : `You may pass ${parts.join(' and ')}.`
}

/** The bounds of a number. */
export interface NumberRange {
  readonly min: number
  readonly max: number
  /** Whether fractions are refused. Default: true. */
  readonly isInteger?: boolean
}

/**
 * Returns the value of a flag as a number.
 *
 * @throws Refusal when it is none, or out of range.
 */
export function numberOf(flag: string, text: string, { min, max, isInteger = true }: NumberRange): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value >= min && value <= max && (!isInteger || Number.isInteger(value))) return value
  throw new Refusal(`--${flag} must be ${isInteger ? 'an integer' : 'a number'} from ${min} to ${max}, not '${text}'.`)
}

/** Returns the value of a flag for a port. 0 lets the system choose one. */
export const portOf = (text: string): number => numberOf('port', text, { min: 0, max: 65_535 })
