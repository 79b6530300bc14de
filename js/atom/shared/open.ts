import { known, options as checkOptions, text } from '../../internal/validate.ts'
import { SharedKindError } from '../errors.ts'
import { native } from '../../native.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { assertNamespace, assertSystem, type System } from '../../system/system.ts'
import { type WordLocation, placeOf } from './memory.ts'
import type { SharedOptions } from './types.ts'

/** The object that the core knows by a handle. */
export interface OpenedWord {
  readonly handle: number
  readonly place: WordLocation
}

/** Opens what a name stands for, or refuses when it stands for something of another kind. */
export function open(
  kind: 'atom' | 'counter' | 'flag',
  namespace: string,
  name: string,
  initial: number | string,
  details: { history: number; wall: number; mono: number } = { history: 1, wall: 0, mono: 0 },
): OpenedWord {
  const value = typeof initial === 'number' ? { number: initial } : { text: initial }
  const opened = native.sharedOpen({ kind, namespace, name, ...value, ...details })
  if (opened.handle < 0) throw new SharedKindError(name, opened.other ?? '', kind)
  return { handle: opened.handle, place: placeOf(opened.chunk, opened.offset) }
}

/** Checks what all shared things are given; the system and namespace that were meant. */
export function located<O extends SharedOptions>(
  name: string,
  options: O | undefined,
  names: readonly string[],
): { options: O; system: System; namespace: string } {
  text('name', name)
  const settings = checkOptions<O>('options', options)
  known('options', settings, ['system', 'namespace', ...names])
  if (settings.system !== undefined) assertSystem('options.system', settings.system)
  if (settings.namespace !== undefined) assertNamespace('options.namespace', settings.namespace)
  const system = settings.system ?? getDefaultSystem()
  system.assertOpen()
  return { options: settings, system, namespace: settings.namespace ?? system.namespace }
}
