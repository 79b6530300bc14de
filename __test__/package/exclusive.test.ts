import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'

import { exclusively } from '../../scripts/lib/exclusive.mjs'
import { at } from '../../scripts/lib/paths.mjs'

const name = `test-${process.pid}`
const held = at('.cache', 'running', name)

test('work of one name is done by one at a time, also after a failure', async () => {
  const log: string[] = []
  const work = (step: number) => async () => {
    log.push(`begin ${step}`)
    await new Promise((resolve) => setImmediate(resolve))
    log.push(`end ${step}`)
    if (step === 1) throw new Error('no')
    return step
  }
  const both = await Promise.allSettled([exclusively(name, work(1)), exclusively(name, work(2))])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  expect(log).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2'])
  expect(existsSync(held)).toBe(false)
})

test('a process that died in its work holds nobody up', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  mkdirSync(dirname(held), { recursive: true })
  writeFileSync(held, String(pid))
  expect(await exclusively(name, () => 'done')).toBe('done')
})
