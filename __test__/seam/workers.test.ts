import { Worker } from 'node:worker_threads'
import { createControlledClock, createSystem } from 'keelson'
import { expect, it } from 'vitest'

it('survives workers that load it and are terminated at random moments, 60 times', async () => {
  const { random } = createSystem({ seed: 60 })
  let terminated = 0
  for (let round = 0; round < 60; round++) {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url))
    const failed = new Promise<never>((_, reject) => worker.once('error', reject))
    // A third of them die while loading, the others at work.
    const loaded = new Promise<void>((resolve) => worker.once('message', () => resolve()))
    if (round % 3 !== 0) await Promise.race([loaded, failed])
    await new Promise((resolve) => setTimeout(resolve, random.next() * 30))
    // 1 when it was running, 0 when it had not begun to.
    const code = await Promise.race([worker.terminate(), failed])
    expect([0, 1]).toContain(code)
    if (code === 1) terminated++
  }
  expect(terminated).toBeGreaterThan(39)
  const clock = createControlledClock()
  let fired = false
  clock.schedule(1, () => (fired = true))
  clock.advanceBy(1)
  expect(fired).toBe(true)
})

it('gives each environment its own systems, clocks and names', async () => {
  const system = createSystem()
  system.names.register('shared?', 1)
  const program = `
    const { createSystem } = require(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).pathname)})
    const system = createSystem()
    require('node:worker_threads').parentPort.postMessage([system.names.list().length, system.clock.getPendingTimerCount()])
  `
  system.clock.schedule(60_000, () => {})
  const worker = new Worker(program, { eval: true })
  const message = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await worker.terminate()
  await system.close()
  expect(message).toEqual([0, 0])
})
