import { spawnSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { createSharedAtom, createSystem, getDefaultSystem, sharedCounter, sharedFlag } from 'keelson'
import { afterEach, expect, it } from 'vitest'

import { root } from '../../support/root.ts'
import { until } from '../../support/until.ts'
import { HANG_GUARD_MS } from '../../support/hang-guard.ts'
import { native as addon } from '../../support/native.ts'

const { hot } = addon as { hot: { sharedCount(): number } }

const system = createSystem({ seed: 60 })
const { namespace } = system

afterEach(async () => {
  await getDefaultSystem().close()
})

interface Running {
  readonly worker: Worker
  /** The next message. */
  message(): Promise<unknown>
  /** The exit code. */
  readonly ended: Promise<number>
}

function start(job: string, data: object = {}): Running {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { job, ...data } })
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  failed.catch(() => {})
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve))
  const message = () => Promise.race([failed, new Promise((resolve) => worker.once('message', resolve))])
  return { worker, message, ended }
}

it('4 threads x 250,000 increments end at exactly 1,000,000, each version seen once', async () => {
  const [threads, count] = [4, 250_000]
  const space = `${system.random.int(2 ** 32)} million`
  const atom = createSharedAtom('n', 0, { namespace: space })
  const flag = sharedFlag('start', { namespace: space })
  const running = Array.from({ length: threads }, () => start('increment', { namespace: space, count }))
  await Promise.all(running.map(({ message }) => message()))
  const results = running.map(({ message }) => message())
  flag.raise()
  const seen = new Uint8Array(threads * count + 1)
  for (const values of (await Promise.all(results)) as Uint32Array[]) {
    let last = 0
    for (const value of values) {
      seen[value]!++
      if (value <= last) throw new Error(`a thread got ${value} after ${last}`)
      last = value
    }
  }
  expect(atom.snapshot()).toMatchObject({ value: threads * count, version: threads * count })
  expect(seen[0]).toBe(0)
  expect(seen.subarray(1).every((times) => times === 1)).toBe(true)
  await Promise.all(running.map(({ ended }) => ended))
})

it('a watcher on this thread is told of each version of other threads in order, and one that coalesces of the last', async () => {
  const [threads, count] = [2, 20_000]
  const space = 'watched'
  const atom = createSharedAtom('n', 0, { namespace: space })
  const flag = sharedFlag('start', { namespace: space })
  const versions: number[] = []
  const newest: number[] = []
  atom.watch(({ from, to, versionFrom, versionTo }) => {
    if (to !== from + 1 || versionTo !== to || versionFrom !== from) throw new Error(`${from} -> ${to}`)
    versions.push(versionTo)
  })
  atom.watch(({ to }) => newest.push(to), { coalesce: true })
  const running = Array.from({ length: threads }, () => start('increment', { namespace: space, count }))
  await Promise.all(running.map(({ message }) => message()))
  flag.raise()
  await until(() => versions.length >= threads * count && newest.at(-1) === threads * count)
  expect(versions).toEqual(Array.from({ length: threads * count }, (_, index) => index + 1))
  expect(newest).toEqual(newest.toSorted((a, b) => a - b))
  expect(new Set(newest).size).toBe(newest.length)
  await Promise.all(running.map(({ ended }) => ended))
})

it('objects of several threads are merged without loss, with the reasons of their committers', async () => {
  const [threads, count] = [3, 200]
  const space = 'merged'
  const list = createSharedAtom<{ items: string[] }>('list', { items: [] }, { namespace: space, historySize: 5 })
  const added = sharedCounter('added', { namespace: space })
  const causes: unknown[] = []
  list.watch(({ to, cause }) => causes.push([to.items.at(-1)!.split('/')[0], (cause as { by: string }).by]))
  const running = ['x', 'y', 'z'].map((id) => start('append', { namespace: space, count, id }))
  await Promise.all(running.map(({ message }) => message()))
  await until(() => causes.length === threads * count)
  expect(causes.every((pair) => (pair as string[])[0] === (pair as string[])[1])).toBe(true)
  const { items } = list.deref()
  expect(new Set(items).size).toBe(threads * count)
  for (const id of ['x', 'y', 'z']) {
    const own = items.filter((item) => item.startsWith(id))
    expect(own).toEqual(Array.from({ length: count }, (_, index) => `${id}/${index}`))
  }
  expect(added.value).toBe(threads * count)
  expect(list.history().map(({ version }) => version)).toEqual([596, 597, 598, 599, 600])
  expect(list.history().at(-1)!.value).toBe(list.deref())
})

it('default systems share names over threads, other systems do not; a watcher does not keep a worker', async () => {
  const shared = createSharedAtom('look', 'from the main thread')
  const own = createSharedAtom('look', 'private', { system })
  const { worker, message, ended } = start('look')
  expect(await message()).toBe('from the main thread')
  const told = message()
  shared.reset('news')
  expect(await told).toEqual(['default', 'news', 'private to the worker'])
  await until(() => shared.deref() === 'news, seen')
  expect(own.deref()).toBe('private')
  worker.postMessage('go')
  expect(await ended).toBe(0)
  own.close()
})

it('60 workers that watch and commit, terminated at random moments, leave nothing behind', async () => {
  const space = `${namespace.slice(1)} churn`
  const before = hot.sharedCount()
  const counter = sharedCounter('churned', { namespace: space })
  const atom = createSharedAtom('a', { n: 0, pad: '' }, { namespace: space })
  let told = 0
  atom.watch(() => told++)
  for (let round = 0; round < 60; round += 2) {
    // Two at a time, so that one commits to what the other watches while it dies.
    await Promise.all(
      [0, 1].map(async () => {
        const { worker, message } = start('churn', { namespace: space })
        if (round % 6 !== 0) await message()
        await new Promise((resolve) => setTimeout(resolve, system.random.next() * 40))
        await worker.terminate()
      }),
    )
  }
  // How much they commit depends on the machine.
  expect(counter.value).toBeGreaterThan(0)
  await until(() => told === atom.version())
  counter.close()
  atom.close()
  expect(hot.sharedCount()).toBe(before)
  const again = createSharedAtom('a', { n: -1 }, { namespace: space })
  expect(again.snapshot()).toMatchObject({ value: { n: -1 }, version: 0 })
  again.close()
})

it('tells a thread of its own commits before it ends, and holds it open for no others', () => {
  const program = `
    const { createSharedAtom } = require('keelson')
    const atom = createSharedAtom('a', 0)
    atom.watch(({ to }) => console.log(to))
    for (let n = 1; n <= 2000; n++) atom.reset(n)
  `
  const options = { cwd: root, encoding: 'utf8', timeout: HANG_GUARD_MS } as const
  const child = spawnSync(process.execPath, ['-e', program], options)
  expect(child.status, child.stderr).toBe(0)
  expect(child.stdout.trim().split('\n')).toHaveLength(2000)
})

it('frees what a dropped system held, without a close', () => {
  const program = `
    const { createSharedAtom, createSystem, sharedCounter } = require('keelson')
    const { hot } = require('./dist/inside.js').native
    function drop() {
      const system = createSystem()
      createSharedAtom('a', { n: 1 }, { system }).swap(({ n }) => ({ n: n + 1 }))
      sharedCounter('c', { system }).increment()
      return hot.sharedCount()
    }
    const held = drop()
    const deadline = Date.now() + ${HANG_GUARD_MS}
    const look = () => {
      globalThis.gc()
      if (hot.sharedCount() > 0 && Date.now() < deadline) setTimeout(look, 10)
      else console.log(held, hot.sharedCount())
    }
    look()
  `
  const options = { cwd: root, encoding: 'utf8', timeout: HANG_GUARD_MS } as const
  const child = spawnSync(process.execPath, ['--expose-gc', '-e', program], options)
  expect(child.stdout, child.stderr).toBe('2 0\n')
})

it('frees what a worker held when it ends', async () => {
  const before = hot.sharedCount()
  const { worker, message } = start('look')
  await message()
  expect(hot.sharedCount()).toBe(before + 2)
  await worker.terminate()
  await until(() => hot.sharedCount() === before)
})
