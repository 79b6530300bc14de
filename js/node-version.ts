/** Checks the version of Node while the package loads: later, an old one would only miss a function somewhere. */
import { UnsupportedNodeError } from './errors/errors.ts'

/** The same as `engines` in `package.json`. */
export const NEEDED = '^20.19.0 || >=22.12.0'

/** Judges a version of Node: tested, untested, or without functions that the package needs. */
function judge(version: string): 'supported' | 'untested' | 'too old' {
  const [major = NaN, minor = NaN] = version.replace(/^v/, '').split('.').map(Number)
  if (major < 20) return 'too old'
  return (major === 20 && minor < 19) || major === 21 || (major === 22 && minor < 12) ? 'untested' : 'supported'
}

/**
 * Refuses a Node that lacks what the package uses, and warns on one that nobody has tried.
 *
 * @throws UnsupportedNodeError naming the versions that will do.
 */
export function assertNode(): void {
  const judged = judge(process.version)
  if (judged === 'supported') return
  const error = new UnsupportedNodeError(NEEDED, `Node ${process.version.replace(/^v/, '')}`)
  if (judged === 'too old') throw error
  // Bun and Deno name the Node that they resemble.
  const { bun, deno } = process.versions as { readonly bun?: string; readonly deno?: string }
  if (bun === undefined && deno === undefined) {
    process.emitWarning(error.message, { type: 'KeelsonWarning', code: error.code })
  }
}
