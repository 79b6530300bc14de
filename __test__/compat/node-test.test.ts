import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'

it('works under node:test', () => {
  const file = fileURLToPath(new URL('./node-test/clock.mjs', import.meta.url))
  const child = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
    encoding: 'utf8',
    timeout: HANG_GUARD_MS,
  })
  expect(child.status, child.stdout + child.stderr).toBe(0)
  expect(child.stdout).toMatch(/# pass 5\n/)
})
