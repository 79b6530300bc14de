import { InvalidArgumentError } from '../errors/errors.ts'
import { native } from '../native.ts'

/**
 * The importance of work. Each name stands for a voltage of {@link PRIORITY_VOLTAGES}; `'bulk'` means `'background'`.
 */
export type Priority = 'critical' | 'high' | 'normal' | 'low' | 'background' | 'bulk'

/** The voltage of each named priority, from the core's table. Work flows while its voltage is above the resistance. */
export const PRIORITY_VOLTAGES: Readonly<Record<Exclude<Priority, 'bulk'>, number>> = Object.freeze(
  Object.fromEntries(native.priorities().map(({ name, voltage }) => [name, voltage])),
) as Readonly<Record<Exclude<Priority, 'bulk'>, number>>

const MAX_VOLTAGE = 1e6
/** The voltage of `'normal'`, which work without a priority has. */
export const NORMAL_VOLTAGE: number = PRIORITY_VOLTAGES.normal

/** @internal Returns the voltage of a priority, or a checked voltage; that of `'normal'` for `undefined`. */
export function voltageOf(field: string, priority: Priority | number | undefined): number {
  if (priority === undefined) return NORMAL_VOLTAGE
  if (typeof priority === 'number') {
    if (priority > 0 && priority <= MAX_VOLTAGE) return priority
  } else if (typeof priority === 'string' && Object.hasOwn(PRIORITY_VOLTAGES, priority)) {
    return PRIORITY_VOLTAGES[priority as Exclude<Priority, 'bulk'>]
  } else if (priority === 'bulk') {
    return PRIORITY_VOLTAGES.background
  }
  const names = Object.keys(PRIORITY_VOLTAGES).join(', ')
  throw new InvalidArgumentError(field, `one of ${names}, or a voltage above 0 and at most ${MAX_VOLTAGE}`, priority)
}
