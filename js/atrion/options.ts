/** Checks the options of an Atrion, and opens its engine in the core. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import { sayOnce } from '../internal/said-once.ts'
import { finite, flag, integer, known, oneOf, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { hot, native, type NativeEngineConfig } from '../native.ts'
import { assertClock } from '../system/system.ts'
import type { AtrionOptions } from './types.ts'

/** Options that the core takes as 32-bit integers. The others are numbers; the core checks all ranges. */
const COUNTS = new Set(['bootstrapTicks', 'maxQueue', 'trickleInFlight'])

const PHYSICS = [
  'baseResistance',
  'decayRate',
  'healRate',
  'scarFactor',
  'scarCap',
  'dampingFactor',
  'criticalPressure',
  'breakMultiplier',
  'recoveryMultiplier',
  'bootstrapTicks',
  'minDeltaT',
  'tanhScale',
  'holdMs',
  'fadeMs',
  'momentumFastMs',
  'momentumSlowMs',
  'momentumDeadBand',
  'stalenessRate',
  'stalenessLimit',
  'cascadeBump',
  'sharedFadeMs',
] as const
const SLO = ['baselineLatencyMs', 'targetErrorRate', 'saturationBaseline'] as const
const CRITICALITY = ['latency', 'error', 'saturation'] as const
const TUNER = ['windowSize', 'sensitivity', 'recoverySensitivity', 'minFloor', 'hardCeiling', 'warmupTicks'] as const
/** An option of the tuner that the core has among the constants of the physics. */
const RECOVERY = 'recoveryMultiplier'
const ENGINES = ['auto', 'native', 'wasm', 'ts']
const ADMISSION = [
  'minLimit',
  'maxLimit',
  'initialLimit',
  'limit',
  'tolerance',
  'latencyBaselineMs',
  'maxQueue',
  'queueDeadlineMs',
  'ticketTimeoutMs',
  'tricklePerSecond',
  'trickleShare',
  'trickleInFlight',
  'errorWindowMs',
  'minCalls',
  'targetErrorRate',
] as const
const TOP = [
  'system',
  'clock',
  'defaultVoltage',
  'maxRoutes',
  'config',
  'slo',
  'autoTuner',
  'admission',
  'engine',
  'useWasm',
  'provider',
  'sync',
  'observer',
  'maxTasks',
]

/** Returns a copy of the known numbers of an options object. Throws for anything else. */
function numbers(field: string, value: object | undefined, names: readonly string[]): Record<string, number> {
  const values = checkOptions(field, value) as Record<string, unknown>
  known(field, values, names)
  return copied(field, values, names)
}

function copied(field: string, values: Record<string, unknown>, names: readonly string[]): Record<string, number> {
  const checked: Record<string, number> = {}
  for (const name of names) {
    const value = values[name]
    if (value === undefined) continue
    const path = `${field}.${name}`
    checked[name] = COUNTS.has(name) ? integer(path, 0, 2 ** 32 - 1, value) : finite(path, value)
  }
  return checked
}

/** Returns the path of a field that the core refused. */
function pathOf(field: string, opts: AtrionOptions): string {
  if (/^(slo|autoTuner)\./.test(field)) return `options.${field}`
  if (field === 'maxRoutes') return 'options.maxRoutes'
  // The gate has a `targetErrorRate` of its own, which the core reports by the name of the one in `config`.
  const inAdmission = (ADMISSION as readonly string[]).includes(field) || opts.config === undefined
  return inAdmission ? `options.admission.${field}` : `options.config.${field}`
}

/** Checks the options and opens the engine that they describe. Returns its handle. */
export function openEngine(opts: AtrionOptions): number {
  known('options', opts, TOP)
  if (opts.clock !== undefined) assertClock('options.clock', opts.clock)
  const slo = checkOptions('options.slo', opts.slo)
  known('options.slo', slo, [...SLO, 'criticality', 'learnedBaseline', 'maxAcceptableLatencyMs'])
  if (slo.maxAcceptableLatencyMs !== undefined) {
    positiveMillis('options.slo.maxAcceptableLatencyMs', slo.maxAcceptableLatencyMs)
  }
  if (opts.engine !== undefined) oneOf('options.engine', ENGINES, opts.engine)
  flag('options.useWasm', false, opts.useWasm)
  const { criticality, learnedBaseline } = slo
  const weights = numbers('options.slo.criticality', criticality, CRITICALITY)
  const tuner = opts.autoTuner ?? true
  const { [RECOVERY]: multiplier, ...tunerNumbers } =
    typeof tuner === 'boolean' ? {} : numbers('options.autoTuner', tuner, [...TUNER, RECOVERY])
  const recovery = recoveryOf(opts, multiplier)
  const { opened, field, why } = open({
    ...(opts.maxRoutes !== undefined && { maxRoutes: integer('options.maxRoutes', 1, 1_000_000, opts.maxRoutes) }),
    config: { ...numbers('options.config', opts.config, PHYSICS), ...recovery },
    slo: {
      ...copied('options.slo', slo as Record<string, unknown>, SLO),
      ...(learnedBaseline !== undefined && {
        learnedBaseline: flag('options.slo.learnedBaseline', false, learnedBaseline),
      }),
      ...(weights['latency'] !== undefined && { latencyCriticality: weights['latency'] }),
      ...(weights['error'] !== undefined && { errorCriticality: weights['error'] }),
      ...(weights['saturation'] !== undefined && { saturationCriticality: weights['saturation'] }),
    },
    ...(typeof tuner !== 'boolean' && { autoTuner: tunerNumbers }),
    tuned: tuner !== false,
    admission: numbers('options.admission', opts.admission, ADMISSION),
  })
  if (opened >= 0) {
    sayWithoutEffect(opts)
    return opened
  }
  const path = pathOf(field ?? '', opts)
  const value = path
    .split('.')
    .slice(1)
    .reduce<unknown>((from, key) => (from as Record<string, unknown> | undefined)?.[key], opts)
  throw new InvalidArgumentError(path, (why ?? 'valid').replace(/^must be /, ''), value)
}

/** Returns the share of the break at which a route has recovered, where the tuner's options have it. */
function recoveryOf({ config }: AtrionOptions, multiplier: number | undefined): { recoveryMultiplier?: number } {
  if (multiplier === undefined) return {}
  const field = `options.autoTuner.${RECOVERY}`
  if (config?.[RECOVERY] !== undefined) {
    throw new InvalidArgumentError(field, `left out beside options.config.${RECOVERY}`, multiplier)
  }
  if (multiplier >= 0 && multiplier <= 1) return { [RECOVERY]: multiplier }
  throw new InvalidArgumentError(field, 'a number from 0 to 1', multiplier)
}

/** Says once what programs of Atrion set, and what has no meaning any more. */
function sayWithoutEffect({ engine, useWasm, slo }: AtrionOptions): void {
  if (engine === 'wasm' || engine === 'ts') sayOnce(`engine: '${engine}' of Atrion`, 'there is one engine, in Rust')
  if (useWasm !== undefined) sayOnce('useWasm of Atrion', 'the engine is native')
  if (slo?.maxAcceptableLatencyMs !== undefined) {
    sayOnce(
      'slo.maxAcceptableLatencyMs of Atrion',
      'pressure is measured from baselineLatencyMs, or from what is learned',
    )
  }
}

function open(config: NativeEngineConfig): { opened: number; field: string | undefined; why: string | undefined } {
  const { handle, field, why } = native.engineOpen(config)
  return { opened: handle, field, why }
}

/** Closes the engine of a gate that was collected without being closed. */
export const engines: NativeHandles = new NativeHandles((handle) => hot.engineClose(handle))
