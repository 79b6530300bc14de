/** Chance from outside: the one place that asks the host for a seed. */
import { randomBytes } from 'node:crypto'

/** Returns a random seed, small enough to be printed and typed in again. */
export function freshSeed(): number {
  return randomBytes(6).readUIntBE(0, 6)
}
