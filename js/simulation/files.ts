import type { Choices, RecordingFields } from './choices.ts'
import { builtin } from '../internal/builtin.ts'
import { warnOwner } from '../internal/report-error.ts'
import { ReplayFileError } from './errors.ts'

/** Writes a file that repeats a run. Returns its path; `undefined` if that failed, which is a process warning. */
export async function writeRecording(folder: string, name: string, text: string): Promise<string | undefined> {
  const { mkdir, writeFile } = builtin('node:fs/promises')
  const path = builtin('node:path').resolve(folder, `${name}.json`)
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(path, `${text}\n`)
    return path
  } catch (error) {
    warnOwner(error, 'writing the file of a simulation')
    return undefined
  }
}

/**
 * Reads a file that repeats a run.
 *
 * @throws ReplayFileError for what is no such file.
 */
export async function readRecording(path: string, choices: Choices): Promise<RecordingFields> {
  return choices.read(path, await textOfFile(path))
}

/** @throws ReplayFileError for a file that cannot be read. */
async function textOfFile(path: string): Promise<string> {
  try {
    return await builtin('node:fs/promises').readFile(path, 'utf8')
  } catch (error) {
    throw new ReplayFileError(path, 'it cannot be read', error)
  }
}
