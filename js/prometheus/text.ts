import { knownRuntimeOf } from '../actor/system-runtime.ts'
import { native } from '../native.ts'
import { tableForNative, type WrittenTable } from '../observe/publish.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, type System } from '../system/system.ts'
import type { TableKind } from '../tables/kinds.ts'

/** The kinds whose rows have series. Processes have sums instead. */
const KINDS: readonly TableKind[] = [
  'route',
  'policy',
  'journal',
  'cache',
  'limiter',
  'bus',
  'atom',
  'timer',
  'effect',
  'loop',
]

/** Rows of a kind that are read. The first thousand names have series of their own. */
const MOST_ROWS = 100_000

const numbers = new WeakMap<System, number>()
let lastNumber = 0

/** Returns a name of a system, under which the core remembers what makes its counters grow only. */
function bookOf(system: System): string {
  const number = numbers.get(system) ?? ++lastNumber
  numbers.set(system, number)
  return String(number)
}

/**
 * Returns the metrics of a system as text for Prometheus (version 0.0.4). The core makes the text: ten thousand series
 * take milliseconds. See `docs/prometheus.md` for the families.
 *
 * @param system The system. Default: the default system.
 * @throws InvalidArgumentError for a value that is no system.
 * @throws ClosedError when the system is closed.
 * @example
 * ```ts
 * app.get('/metrics', (req, res) => res.type('text/plain').send(metricsText()))
 * ```
 */
export function metricsText(...argument: readonly [system?: System]): string {
  const [system = getDefaultSystem()] = argument
  assertSystem('system', system)
  system.assertOpen()
  const tables: Partial<Record<TableKind, WrittenTable>> = {}
  const place = { system, prefix: '' }
  for (const kind of KINDS) tables[kind] = tableForNative(kind, [place], MOST_ROWS)
  const runtime = knownRuntimeOf(system)
  const kinds: Record<string, number> = {}
  for (const { observedKind } of runtime?.alive ?? []) kinds[observedKind] = (kinds[observedKind] ?? 0) + 1
  const text = native.observeMetrics(
    bookOf(system),
    JSON.stringify({
      tables,
      kinds,
      runtimes: runtime === undefined ? [] : [runtime.handle],
      restarts: runtime?.restartCount ?? 0,
      crashes: runtime?.crashCount ?? 0,
    }),
  )
  return text as string
}
