import type { TimerInfo, WaitKind } from './timer-slots.ts'

/** One pending timer, as reports name it. */
export interface Sleeper {
  /** The kind of wait. */
  readonly kind: WaitKind
  /** Its label, or its callback's name. */
  readonly label: string | undefined
  /** The track that `dueMs` is measured on. */
  readonly track: 'mono' | 'wall'
  /** The due time, in milliseconds of its track. */
  readonly dueMs: number
  /** The first stack frames outside keelson at its creation, when the clock traces. */
  readonly createdAt: string | undefined
}

/** @internal */
export function sleeperOf(
  { info, callback }: { info: TimerInfo; callback: (() => unknown) | undefined },
  track: 'mono' | 'wall',
  dueMs: number,
): Sleeper {
  const label = info.label ?? (info.kind === 'schedule' ? nameOf(callback) : undefined)
  return { kind: info.kind, label, track, dueMs, createdAt: callerFrames(info.site) }
}

/** @internal The name of a function, if it has one that can be read. */
export function nameOf(callback: { readonly name: unknown } | undefined): string | undefined {
  try {
    const name = callback?.name
    return typeof name === 'string' && name !== '' ? name : undefined
  } catch {
    return undefined
  }
}

/** Returns one line a sleeper, for warnings and errors. */
export function describeSleeper(sleeper: Sleeper): string {
  const name = sleeper.label === undefined ? sleeper.kind : `${sleeper.kind} ${sleeper.label}`
  const due = `due at ${sleeper.dueMs} ms${sleeper.track === 'wall' ? ' wall time' : ''}`
  return `${name}, ${due}${sleeper.createdAt === undefined ? '' : `, created ${sleeper.createdAt}`}`
}

// The directory of the package, to leave frames of its own code out. Chunks of the bundle lie directly in `dist/`.
const OWN = __dirname.replace(/[\\/]dist$/, '')
const isOwnFrame = (line: string): boolean =>
  ['dist', 'js'].some((folder) => line.includes(`${OWN}/${folder}/`) || line.includes(`${OWN}\\${folder}\\`))

/** @internal The first stack frames outside keelson, in one line. */
export function callerFrames(site: Error | undefined): string | undefined {
  const frames = site?.stack?.split('\n').filter((line) => line.startsWith('    at ') && !isOwnFrame(line))
  const shown = frames?.filter((line) => !/(?:\(| )node:/.test(line)).slice(0, 2)
  return shown === undefined || shown.length === 0 ? undefined : shown.map((line) => line.trim()).join(' ')
}
