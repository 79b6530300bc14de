/** Chance from outside: the one place that asks the host for a seed. */
import { builtin } from '../internal/builtin.ts'

/** Returns a random seed, small enough to be printed and typed in again. */
export function freshSeed(): number {
  return builtin('node:crypto').randomBytes(6).readUIntBE(0, 6)
}
