import { Worker } from 'node:worker_threads'
import { Cache, createSystem, sharedCounter, sharedFlag } from 'keelson'
import { afterEach, expect, it } from 'vitest'
import { native as addon } from '../../support/native.ts'

const { hot } = addon as {
  hot: { sharedCacheCount(): number }
}

const system = createSystem()

afterEach(() => {
  expect(hot.sharedCacheCount()).toBe(0)
})

function start(job: string, data: object) {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { job, ...data } })
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  failed.catch(() => {})
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve))
  const message = () => Promise.race([failed, new Promise((resolve) => worker.once('message', resolve))])
  return { worker, message, ended }
}

const open = (namespace: string) => Cache.start({ name: 'cache', shared: true, namespace, maxSize: 1000, system })

it('four threads that miss 1000 keys load each once', async () => {
  const [namespace, count] = ['misses', 1000]
  const cache = await open(namespace)
  const flag = sharedFlag('start', { namespace })
  const calls = sharedCounter('calls', { namespace })
  const running = [0, 1, 2, 3].map((id) => start('load', { namespace, count, id }))
  await Promise.all(running.map(({ message }) => message()))
  const answers = running.map(({ message }) => message())
  flag.raise()
  for (const [id, answer] of (await Promise.all(answers)).entries()) {
    expect(answer).toEqual(Array.from({ length: count }, (_, index) => (index * 7 + id * 13) % count))
  }
  expect(calls.value).toBe(count)
  expect(cache.handle.stats()).toMatchObject({
    size: count,
    loads: count,
    loading: 0,
    misses: 4 * count - cache.handle.stats().hits,
  })
  for (const { worker } of running) worker.postMessage('end')
  await Promise.all(running.map(({ ended }) => ended))
  // What the workers loaded outlives them here.
  expect(cache.handle.get(5)).toMatchObject({ key: 5 })
  await Cache.stop(cache)
  calls.close()
  flag.close()
})

it('a load of a thread that is terminated is taken over by who waits for it', async () => {
  const namespace = 'terminated'
  const cache = await open(namespace)
  const { worker, message, ended } = start('hang', { namespace })
  expect(await message()).toBe('loading')
  const asked = Promise.all([
    Cache.getOrSet(cache, 'k', async () => 'taken over'),
    Cache.getOrSet(cache, 'k', async () => 'not called'),
  ])
  expect(cache.handle.stats()).toMatchObject({ loads: 1, loading: 1 })
  await worker.terminate()
  await ended
  expect(await asked).toEqual(['taken over', 'taken over'])
  expect(cache.handle.stats()).toMatchObject({ loads: 2, loading: 0 })
  await Cache.stop(cache)
})

it('a thread stays while it waits for the load of another, and no longer', async () => {
  const namespace = 'waiting'
  const cache = await open(namespace)
  let resolve!: (value: string) => void
  const mine = Cache.getOrSet(cache, 'k', () => new Promise<string>((done) => (resolve = done)))
  const { worker, message, ended } = start('wait', { namespace })
  expect(await message()).toBe('waiting')
  const answer = new Promise((done) => worker.once('message', done))
  resolve('loaded here')
  expect([await mine, await answer, await ended]).toEqual(['loaded here', 'loaded here', 0])
  await Cache.stop(cache)
})

it('threads that are terminated in the middle of everything leave a cache that works', async () => {
  const namespace = 'churned'
  const cache = await open(namespace)
  const { handle } = cache
  for (let round = 0; round < 5; round++) {
    const running = [0, 1].map((id) => start('churn', { namespace, id }))
    await Promise.all(running.map(({ message }) => message()))
    for (let index = 0; index < 2000; index++) {
      const key = index % 100
      if (index % 5 === 0) handle.set(key, { index })
      else void Promise.resolve(handle.getOrSet(key, async () => ({ index }))).catch(() => {})
      if (index % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(running.map(({ worker }) => worker.terminate()))
    await Promise.all(running.map(({ ended }) => ended))
  }
  // Nobody is left loading anything, and every key can be had.
  for (let key = 0; key < 100; key++) {
    expect(await Cache.getOrSet(cache, key, async () => ({ index: -1 }))).toHaveProperty('index')
  }
  handle.set('last', 1)
  expect(handle.get('last')).toBe(1)
  expect(handle.stats().loading).toBe(0)
  await Cache.stop(cache)
})
