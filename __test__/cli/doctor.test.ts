import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'

function doctor(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}dist/cli/main.js`, 'doctor', ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

it('reports version, platform, package and binary', () => {
  const { status, stdout } = doctor()
  expect(status).toBe(0)
  const report = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/) as [string, string]),
  )
  expect(report).toMatchObject({
    keelson: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
    node: process.version,
    platform: expect.stringMatching(new RegExp(`^${process.platform}-${process.arch}`)) as unknown,
    package: expect.stringContaining('@keelson/binding-') as unknown,
    binary: expect.stringMatching(/\.node$/) as unknown,
  })
})

it('names the reason where the binary cannot be loaded, and ends with 3', () => {
  const missing = join(tempDirectory(), 'nothing.node')
  const { status, stdout } = doctor([], { KEELSON_BINDING_PATH: missing })
  expect(status).toBe(3)
  expect(stdout).toMatch(
    /^binary {4}KEELSON_BINDING_MISSING: .*cannot be loaded from @keelson\/binding-.*nothing\.node/m,
  )
})

it('takes no arguments', () => {
  expect(doctor(['now'])).toMatchObject({ status: 2, stderr: expect.stringContaining('got "now"') as unknown })
  expect(doctor(['--json'])).toMatchObject({ status: 2 })
})
