import { expect, it } from 'vitest'

import { runToEnd } from '../support/own-process.ts'

it('lets a program end that only loaded the package, or only has cancelled and unheld timers', () => {
  const child = runToEnd(`
    const { getDefaultSystem, createControlledClock } = require('keelson')
    const { clock } = getDefaultSystem()
    clock.schedule(60_000, () => {}).cancel()
    clock.schedule(60_000, () => {}, { ref: false })
    clock.interval(10_000, () => {}).cancel()
    void createControlledClock().sleep(5)
    over()
  `)
  expect(child.status, child.stderr).toBe(0)
  expect(child.held).toEqual([])
})

it('holds a program while somebody sleeps on the system clock', () => {
  const child = runToEnd(`
    const { getDefaultSystem } = require('keelson')
    getDefaultSystem().clock.sleep(100).then(() => console.log('woken'))
  `)
  expect(child.stdout).toBe('woken\n')
})

it.each([
  ['process.exit', 'process.exit(3)', 3],
  ['an uncaught exception', 'throw new Error("gone")', 1],
])('ends cleanly on %s with timers pending', (_, statement, status) => {
  const child = runToEnd(`
    const { getDefaultSystem } = require('keelson')
    getDefaultSystem().clock.interval(1, () => {})
    setTimeout(() => { ${statement} }, 20)
  `)
  expect(child.status).toBe(status)
  expect(child.signal).toBeNull()
})

it.each([
  ['process.exit', 'process.exit(3)', 3],
  ['an uncaught exception', 'throw new Error("gone")', 1],
])('ends cleanly on %s while workers commit to what the main thread watches', (_, statement, status) => {
  for (let round = 0; round < 3; round++) {
    const child = runToEnd(`
      const { createSharedAtom } = require('keelson')
      const { Worker } = require('node:worker_threads')
      const program = "const a = require('keelson').createSharedAtom('a', 0); a.watch(() => {}); " +
        'setInterval(() => { for (let n = 0; n < 500; n++) a.swap((v) => v + 1) }, 0)'
      for (let count = 0; count < 2; count++) new Worker(program, { eval: true })
      let told = 0
      createSharedAtom('a', 0).watch(() => { if (++told === 5000) setTimeout(() => { ${statement} }, 1) })
    `)
    expect(child.status, child.stderr).toBe(status)
    expect(child.signal).toBeNull()
  }
})

it('lets a program end whose tickets are still in flight', () => {
  const child = runToEnd(`
    const { Atrion } = require('keelson')
    const atrion = new Atrion()
    atrion.tryAdmit('never done')
    void atrion.run('db', async () => console.log('ran')).then(over)
  `)
  expect(child.stdout).toBe('ran\n')
  expect(child.status).toBe(0)
  expect(child.held).toEqual([])
})
