/** Shared parts of the tables of options that are times. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { ControlledClock } from 'keelson/clock'
import type { System } from 'keelson/system'

export interface World {
  readonly system: System
  readonly clock: ControlledClock
}

/** Uses an option with a value. */
export type Drive = (value: never, world: World) => unknown

/** The option, the field in its refusal, and how it is used. */
export type Row = readonly [option: string, field: string, drive: Drive]

const folder = mkdtempSync(join(tmpdir(), 'keelson-times-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let made = 0
/** A number that was not given before. */
export const unique = (): number => made++
/** A path where nothing is. */
export const path = (): string => join(folder, String(unique()))

export const never = (): Promise<never> => new Promise(() => undefined)
export const soon = (): Promise<number> => new Promise((resolve) => void setImmediate(() => resolve(1)))
export const fails = (): Promise<never> => Promise.reject(new Error('no'))
export const behavior = {
  init: () => 0,
  handleCall: (_: unknown, state: number) => [state, state] as const,
  handleCast: (_: unknown, state: number) => state,
}

export const refusal = (error: unknown): { readonly field: string } | undefined =>
  (error as { code?: string } | null)?.code === 'KEELSON_INVALID_ARGUMENT' ? (error as { field: string }) : undefined
