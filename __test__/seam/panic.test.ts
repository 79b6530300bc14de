import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'

const folder = fileURLToPath(new URL('../../native/test/', import.meta.url))
const addon = existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.node')) : undefined

it('turns a panic of the core into an error, and the process lives', () => {
  expect(addon, 'the test build of the addon (npm test -- --only addon-hooks)').toBeDefined()
  const program = `
    const { hot } = require('./dist/inside.js')
    const { createControlledClock, isNativePanicError } = require('keelson')
    const clock = createControlledClock()
    let caught
    try { hot.testPanic(7) } catch (error) { caught = error }
    clock.advanceBy(5)
    console.log(JSON.stringify([caught.code, caught.message, isNativePanicError(caught), clock.monoMs()]))
  `
  const child = spawnSync(process.execPath, ['-e', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, KEELSON_BINDING_PATH: `${folder}${addon}` },
    encoding: 'utf8',
    timeout: HANG_GUARD_MS,
  })
  expect(child.status, child.stderr).toBe(0)
  expect(JSON.parse(child.stdout)).toEqual(['KEELSON_PANIC', "keelson's core panicked: asked to panic with 7", true, 5])
})
