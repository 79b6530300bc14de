import { InvalidArgumentError } from '../../errors/errors.ts'
import { integer, known, options as checkOptions } from '../../internal/validate.ts'
import type { AppendOptions } from './stream-types.ts'

const LAST_VERSION = 2 ** 32

/** Options of an append in the core's form. */
export interface CheckedAppend {
  readonly stream: string
  readonly id: string
  /** The text after the key: nothing, or NUL, stream, NUL, expected version, NUL, mark of a unique id; NUL, origin. */
  readonly text: string
}

/** An append without options. */
export const PLAIN: CheckedAppend = { stream: '', id: '', text: '' }

/** Text that the core can tell from what stands beside it. */
export function plainText(what: string, value: unknown): string {
  const isText = typeof value === 'string' && value !== '' && !value.includes('\0') && !value.includes('\u0001')
  if (isText && (value as string & { isWellFormed(): boolean }).isWellFormed()) return value
  throw new InvalidArgumentError(what, 'a non-empty string without U+0000 and U+0001', value)
}

/** Returns the name of a stream. */
export const streamName = (field: string, value: unknown): string => plainText(field, value)

/** @throws InvalidArgumentError naming the option that is refused. */
export function checkAppend(field: string, options: AppendOptions | undefined): CheckedAppend {
  if (options === undefined) return PLAIN
  const settings = checkOptions(field, options)
  known(field, settings, ['stream', 'expectedVersion', 'id'])
  const { stream, expectedVersion, id } = settings
  if (stream === undefined) {
    if (expectedVersion === undefined && id === undefined) return PLAIN
    const other = expectedVersion === undefined ? 'id' : 'expectedVersion'
    throw new InvalidArgumentError(`${field}.stream`, `given, as ${other} is`, stream)
  }
  const name = streamName(`${field}.stream`, stream)
  const expected =
    expectedVersion === undefined ? '' : integer(`${field}.expectedVersion`, 0, LAST_VERSION, expectedVersion)
  const own = id === undefined ? '' : plainText(`${field}.id`, id)
  return { stream: name, id: own, text: `\0${name}\0${expected}\0${own === '' ? '' : '1'}` }
}

/** Returns the options of each of so many entries. */
export function checkAppends(
  options: AppendOptions | readonly (AppendOptions | undefined)[] | undefined,
  count: number,
): readonly CheckedAppend[] | undefined {
  if (options === undefined) return undefined
  if (Array.isArray(options)) {
    const each = options as readonly (AppendOptions | undefined)[]
    if (each.length !== count)
      throw new InvalidArgumentError('options', `${count} options, one for each entry`, options)
    return each.map((some, index) => checkAppend(`options[${index}]`, some))
  }
  const all = checkAppend('options', options as AppendOptions)
  if (all === PLAIN) return undefined
  if (all.id !== '' && count > 1) {
    throw new InvalidArgumentError('options.id', 'in a list with options for each entry, as ids differ', all.id)
  }
  return Array.from({ length: count }, () => all)
}

/** A stream as an append must find it. */
export interface ExpectedStream {
  readonly stream: string
  readonly version: number
  /** The sequence of its first event; `undefined` for a version of 0. */
  readonly origin: number | undefined
}

/** Returns the options of so many events for a stream. */
export function appendsTo({ stream, version, origin }: ExpectedStream, count: number): readonly CheckedAppend[] {
  const each = { stream, id: '', text: `\0${stream}\0${version}\0\0${origin ?? ''}` }
  return Array.from({ length: count }, () => each)
}
