import type { System } from '../../system/system.ts'
import type { RedactHook } from './types.ts'

/** The settings of a system's observer. */
export interface CheckedSettings {
  readonly estimateState: boolean
  readonly redact: RedactHook | undefined
}

const DEFAULTS: CheckedSettings = { estimateState: false, redact: undefined }

const settings = new WeakMap<System, CheckedSettings>()

/** Returns the settings of a system's observer. */
export const settingsOf = (system: System): CheckedSettings => settings.get(system) ?? DEFAULTS

/** Changes the settings of a system's observer. */
export const setSettings = (system: System, changes: Partial<CheckedSettings>): void => {
  settings.set(system, { ...settingsOf(system), ...changes })
}
