/** Chance from outside: the one place that asks the host for it. */
import { builtin } from '../internal/builtin.ts'

/** Returns a random seed, small enough to be printed and typed in again. */
export function freshSeed(): number {
  return builtin('node:crypto').randomBytes(6).readUIntBE(0, 6)
}

/** Returns a secret of 256 bits, in characters that addresses and cookies may have. */
export function freshSecret(): string {
  return builtin('node:crypto').randomBytes(32).toString('base64url')
}
