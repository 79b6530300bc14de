import type { Replacements } from '../../testing/fakes/replacements.ts'

/** The parts of `Temporal`, where there is one, that read the time. */
interface TemporalNow {
  instant(): unknown
  timeZoneId(): string
}

interface Zoned {
  toPlainDateTime(): unknown
  toPlainDate(): unknown
  toPlainTime(): unknown
}

interface TemporalLike {
  readonly Now: TemporalNow & Record<string, (zone?: unknown) => unknown>
  readonly Instant: { fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: unknown): Zoned } }
}

/** Replaces `Temporal.Now`, in versions of Node that have it. */
export function replaceTemporal(replacements: Replacements, isActive: () => boolean, wall: () => number): void {
  const temporal = (globalThis as { readonly Temporal?: TemporalLike }).Temporal
  if (temporal === undefined) return
  const instant = (): ReturnType<TemporalLike['Instant']['fromEpochMilliseconds']> =>
    temporal.Instant.fromEpochMilliseconds(Math.floor(wall()))
  const zoned = (zone: unknown): Zoned => instant().toZonedDateTimeISO(zone ?? temporal.Now.timeZoneId())
  const fakes: Record<string, (zone?: unknown) => unknown> = {
    instant,
    zonedDateTimeISO: zoned,
    plainDateTimeISO: (zone) => zoned(zone).toPlainDateTime(),
    plainDateISO: (zone) => zoned(zone).toPlainDate(),
    plainTimeISO: (zone) => zoned(zone).toPlainTime(),
  }
  for (const [name, fake] of Object.entries(fakes)) {
    const host = temporal.Now[name]
    if (host === undefined) continue
    replacements.replace(temporal.Now, name, (zone?: unknown) =>
      isActive() ? fake(zone) : Reflect.apply(host, temporal.Now, zone === undefined ? [] : [zone]),
    )
  }
}
