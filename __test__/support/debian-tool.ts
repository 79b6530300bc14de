import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { root } from './root.ts'

/** A program that a test runs, or the reason for which there is none. */
export interface DebianTool {
  readonly command?: string
  /** Variables of the environment that it needs. */
  readonly env?: Readonly<Record<string, string>>
  readonly reason?: string
}

/**
 * Returns the program that the step `name` of `npm test` provided, or else one of `commands` that is on the PATH.
 *
 * @throws Error with the reason where there is none and CI is true. Elsewhere the test is skipped, with the reason in its
 *   title.
 */
export function debianTool(name: string, commands: readonly string[], version: string = '--version'): DebianTool {
  const tool = find(name, commands, version)
  if (tool.reason !== undefined && process.env['CI'] === 'true') throw new Error(tool.reason)
  return tool
}

function find(name: string, commands: readonly string[], version: string): DebianTool {
  const note = join(root, '.cache', 'tools', name, 'where.json')
  const noted = existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as DebianTool) : undefined
  if (noted?.command !== undefined) return noted
  for (const command of commands) {
    if (spawnSync(command, [version]).status === 0) return { command }
  }
  return noted ?? { reason: `no ${commands[0]} on the PATH; \`npm test -- --only ${name}\` looks for one` }
}
