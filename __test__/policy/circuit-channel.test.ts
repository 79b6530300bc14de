/** The channel `keelson:circuit`. */
import { circuitBreaker } from 'keelson/effect'
import { expect, it } from 'vitest'

import { published } from '../support/channels.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()

it('has each change of a circuit, with the failure that opened it', async () => {
  const changes = published('keelson:circuit')
  const { system, clock } = stage
  const error = new Error('no')
  const policy = 'database'
  const breaker = circuitBreaker({ name: policy, system, consecutive: 1, openForMs: 100 })
  await rejection(breaker.execute(() => Promise.reject(error)))
  expect(changes).toEqual([
    { policy, system, from: 'closed', to: 'open', opens: 1, openForMs: expect.any(Number), error },
  ])
  await clock.advance(1000)
  await breaker.execute(() => 1)
  expect(changes.slice(1)).toMatchObject([
    { policy, from: 'open', to: 'halfOpen' },
    { policy, from: 'halfOpen', to: 'closed', opens: 0 },
  ])
  breaker.isolate()
  expect(changes[3]).toMatchObject({ from: 'closed', to: 'isolated' })
})
