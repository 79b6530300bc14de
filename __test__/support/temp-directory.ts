import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Creates a directory that is removed after the test. Tests that run at the same time pass their own `atEnd`. */
export function tempDirectory(atEnd: (clean: () => void) => void = onTestFinished): string {
  const path = mkdtempSync(join(tmpdir(), 'keelson-journal-'))
  atEnd(() => rmSync(path, { recursive: true, force: true }))
  return path
}
