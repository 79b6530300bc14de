/** Answers what clients ask of JavaScript: details of a row, entries of a journal, actions. */
import type { Process } from '../actor/process.ts'
import { type CrashRecord, crashesIn } from '../actor/crash-log.ts'
import { knownRuntimeOf } from '../actor/system-runtime.ts'
import { GenServerProcess } from '../otp/gen-server/process.ts'
import { settingsOf } from '../otp/observer/settings.ts'
import { type CopyLimits, StateCopy } from '../otp/observer/state-view.ts'
import { SupervisorProcess } from '../otp/supervisor/process.ts'
import { isKeelsonError } from '../errors/base.ts'
import { textOf } from '../internal/thrown-values.ts'
import { native } from '../native.ts'
import type { TableKind } from '../tables/kinds.ts'
import { itemOf } from '../tables/tables.ts'
import { stateOptionsOf } from './servers.ts'
import { splitKey, type SystemPlace } from './systems.ts'
import type { ObserveStateOptions } from './types.ts'

/** A question as the native thread writes it. */
export interface Question {
  readonly server: number
  readonly number: number
  readonly ask: 'detail' | 'journal' | 'action' | 'publish'
  readonly kind?: TableKind
  readonly key?: string
  readonly state?: boolean
  readonly before?: number | null
  readonly limit?: number
  readonly action?: 'stop' | 'kill' | 'restart'
}

/** The refusal of a question, with the code that its client gets. */
class QuestionRefusal {
  readonly code: string
  readonly message: string
  constructor(code: string, message: string) {
    this.code = code
    this.message = message
  }
}

const GONE = new QuestionRefusal('KEELSON_OBSERVE_GONE', 'There is nothing with this key any more.')

/** Returns the living process of a key without its prefix. */
function processOf({ system }: SystemPlace, id: string): Process {
  const process = knownRuntimeOf(system)?.alive.find((each) => each.id === id)
  if (process === undefined) throw GONE
  return process
}

/** A crash as clients get it. */
interface CrashNote {
  readonly at: number
  readonly error: string
  readonly stack: string
  readonly message: string
}

/** Crashes of one child that a detail has. */
const MOST_CRASHES = 8

/** Returns the crashes of a child over all its processes, or of a process without a supervisor; the last first. */
function crashesOf({ id, placement, runtime }: Process): CrashNote[] {
  const isOwn = ({ childId, processId, supervisorId }: CrashRecord): boolean =>
    placement === undefined
      ? processId === id
      : childId === placement.childId && supervisorId === placement.supervisorId
  return crashesIn(runtime)
    .filter(isOwn)
    .slice(-MOST_CRASHES)
    .toReversed()
    .map(({ at, error, messageType, stack }) => ({ at, error, stack, message: messageType ?? '' }))
}

/** The most that a client sees of a state or of an entry. */
const SHOWN: CopyLimits = { values: 5000, depth: 6, letters: 1000 }

/** Returns a value as plain data. The hook of the system's observer runs first. */
const shown = (value: unknown, { system }: SystemPlace, { redact }: ObserveStateOptions): unknown =>
  new StateCopy([settingsOf(system).redact, redact], SHOWN).of(value)

function detailOf(place: SystemPlace, rest: string, question: Question): object {
  if (question.kind !== 'process' && question.kind !== 'supervisor') return {}
  const process = processOf(place, rest)
  const { placement } = process
  const detail = {
    ...(placement !== undefined && { childId: placement.childId }),
    busy: process.busy,
    crashes: crashesOf(process),
  }
  if (question.state !== true) return detail
  const options = stateOptionsOf(question.server)
  if (options === undefined) {
    throw new QuestionRefusal('KEELSON_OBSERVE_STATE_OFF', 'States are hidden: start observe() with the option state.')
  }
  return process instanceof GenServerProcess ? { ...detail, state: shown(process.state, place, options) } : detail
}

/** A journal in memory, or on disk. */
interface ReadableJournal {
  readonly nextSequence: number
  getFirst(): { readonly sequence: number } | undefined
  getEntry(sequence: number): { readonly data: unknown; readonly timestamp: { readonly wallMs: number } } | undefined
}

function entriesOf(place: SystemPlace, rest: string, question: Question): object {
  const found = itemOf(place.system, 'journal', rest) as { readonly item?: unknown } | undefined
  if (found === undefined) throw GONE
  const journal = (found.item ?? found) as ReadableJournal
  const options = stateOptionsOf(question.server)
  const next = journal.nextSequence
  const first = journal.getFirst()?.sequence ?? next
  const entries: object[] = []
  const last = Math.min(question.before ?? next, next) - 1
  for (let sequence = last; sequence >= first && entries.length < (question.limit ?? 0); sequence--) {
    const entry = journal.getEntry(sequence)
    if (entry !== undefined) {
      entries.push({ seq: sequence, at: entry.timestamp.wallMs, text: textOfEntry(entry.data, place, options) })
    }
  }
  return { first, next, entries }
}

const LONGEST_ENTRY = 1000

function textOfEntry(data: unknown, place: SystemPlace, options: ObserveStateOptions | undefined): string {
  if (options === undefined) return '[hidden: start observe() with the option state]'
  const text = JSON.stringify(shown(data, place, options)) ?? 'undefined'
  return text.length > LONGEST_ENTRY ? `${text.slice(0, LONGEST_ENTRY)}…` : text
}

async function act(place: SystemPlace, rest: string, question: Question): Promise<void> {
  const process = processOf(place, rest)
  const { placement } = process
  const supervisor = placement === undefined ? undefined : processOf(place, placement.supervisorId)
  switch (question.action) {
    case 'kill':
      process.kill()
      break
    case 'restart':
      if (placement === undefined) {
        throw new QuestionRefusal(
          'KEELSON_OBSERVE_NOT_SUPERVISED',
          'No supervisor would start the process anew: kill or stop it.',
        )
      }
      process.kill()
      break
    default:
      // Its supervisor would start a child again that ends by itself.
      if (placement !== undefined && supervisor instanceof SupervisorProcess) {
        await supervisor.executor.removeChild(placement.childId)
      } else {
        await process.shutDown()
      }
  }
}

async function answerOf(question: Question, publish: () => void): Promise<object> {
  if (question.ask === 'publish') {
    publish()
    return {}
  }
  const found = splitKey(question.key ?? '')
  if (found === undefined) throw GONE
  const [place, rest] = found
  if (question.ask === 'detail') return detailOf(place, rest, question)
  if (question.ask === 'journal') return entriesOf(place, rest, question)
  await act(place, rest, question)
  return {}
}

/** Answers a question. Never rejects. */
export async function answerQuestion(question: Question, publish: () => void): Promise<void> {
  const { server, number } = question
  try {
    native.observeAnswer(server, number, JSON.stringify(await answerOf(question, publish)), undefined)
  } catch (error) {
    if (error instanceof QuestionRefusal) return native.observeAnswer(server, number, error.message, error.code)
    const code = isKeelsonError(error) ? error.code : 'KEELSON_OBSERVE_FAILED'
    native.observeAnswer(server, number, textOf(error), code)
  }
}
