import { holdTime } from '../../clock/internal-timers.ts'
import { forget, hold, listen, release } from '../../internal/inbox.ts'
import { native } from '../../native.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { errorOf } from './failure.ts'
import { Handle } from './handle.ts'
import { type DurableJournal, makeDurableJournal } from './journal.ts'
import { listJournal } from './observed.ts'
import { checkDurableOptions, checkPath, levelOf, policyOf } from './options.ts'
import { Pages } from './pages.ts'
import type { DurableJournalOptions } from './types.ts'

/** Options of internal users of a directory: whether it may be shared. */
export interface OpenMode {
  readonly exclusive?: boolean
  /** False for a journal that another one closes. Default: it closes with its system. */
  readonly closesWithSystem?: boolean
}

/** @internal Opens a journal; see `openJournal`. */
export async function openDurable<T>(
  path: string,
  options: DurableJournalOptions<T> | undefined,
  { exclusive = false, closesWithSystem = true }: OpenMode,
): Promise<DurableJournal<T>> {
  const directory = checkPath('path', path)
  const settings = checkDurableOptions(options)
  const system = settings.system ?? getDefaultSystem()
  system.assertOpen()
  const clock = settings.clock ?? system.clock
  const readOnly = settings.readOnly === true
  const overflow = settings.overflow ?? (settings.maxEntries === undefined ? 'none' : 'bounded:drop_oldest')
  const level = levelOf(settings.durability ?? 'sync')
  let wake: (() => void) | undefined
  const { wallMs: wall, monoMs: mono } = clock.now()
  const token = listen(() => wake?.())
  const id = native.journalOpen(directory, token, {
    ...defined('segmentBytes', settings.segmentBytes),
    ...defined('maxRecordBytes', settings.maxRecordBytes),
    ...defined('maxEntries', settings.maxEntries),
    ...defined('maxBytes', settings.maxBytes),
    ...defined('maxAgeMs', settings.maxAgeMs),
    ...defined('mode', settings.mode),
    overflow: policyOf(overflow),
    salvage: settings.salvage === true,
    readOnly,
    exclusive,
    wall,
    mono,
  })
  hold()
  const resumeTime = holdTime(clock, 'the opening of a journal')
  let found = native.journalOpened(id)
  while (found === null) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
    found = native.journalOpened(id)
  }
  release()
  resumeTime()
  if (found.failure || readOnly) forget(token)
  if (found.failure) {
    const wantedOptions: Record<string, unknown> = { ...settings, overflow }
    throw errorOf(found.failure, (option) => wantedOptions[option])
  }
  const handle = readOnly ? undefined : new Handle(id, level, token, clock)
  if (handle !== undefined) wake = handle.notify
  const { entries, bytes, clean, dropped } = found
  const journal = makeDurableJournal<T>({
    path: found.path,
    report: Object.freeze({ entries, bytes, clean, dropped: Object.freeze(dropped) }),
    options: settings,
    system,
    clock,
    id,
    level,
    pages: new Pages<T>(id, level, settings.serializer),
    handle,
    closesWithSystem,
    open: (another, anotherOptions) => openDurable(another, anotherOptions, { closesWithSystem: false }),
  })
  listJournal(system, journal, handle)
  return journal
}

function defined<K extends string>(name: K, value: number | undefined): { [name in K]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [name in K]?: number })
}
