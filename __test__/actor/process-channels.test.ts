/** The channels `keelson:process:crash` and `keelson:supervisor:restart`. */
import { GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { createRootSupervisor, createSupervisor } from 'keelson/process'
import { describe, expect, it } from 'vitest'

import { published } from '../support/channels.ts'
import { useStage } from '../support/system.ts'

const stage = useStage({ crashReports: false } as never)
const error = new Error('the disk is full')
const fails = (): never => {
  throw error
}
const behavior = { init: () => 0, handleCast: fails }

describe('keelson:process:crash', () => {
  it('has each crash of a process, whoever acts on it, with the type of the message', async () => {
    const crashes = published('keelson:process:crash')
    const ref = await GenServer.start(behavior, { system: stage.system, name: 'writer' })
    GenServer.cast(ref, { type: 'write' } as never)
    await stage.turn()
    expect(crashes).toEqual([{ ref, name: 'writer', system: stage.system, messageType: 'write', error }])

    const stateful = createRootSupervisor({ system: stage.system, emit: () => undefined }).spawn(
      { name: 'stateful', init: () => 0, handle: fails, supervision: { type: 'none' } },
      {},
    )
    stateful.send('m')
    await stage.turn()
    expect(crashes[1]).toEqual({ ref: stateful, name: 'stateful', system: stage.system, messageType: 'm', error })
  })
})

describe('keelson:supervisor:restart', () => {
  it('has each restart of a child, with its number and its supervisor', async () => {
    const restarts = published('keelson:supervisor:restart')
    const supervisor = await Supervisor.start({
      children: [{ id: 'writer', start: () => GenServer.start(behavior, { system: stage.system }) }],
      system: stage.system,
    })
    const child = () => Supervisor.getChild(supervisor, 'writer')?.ref as GenServerRef
    expect(restarts).toEqual([])
    for (const attempt of [1, 2]) {
      GenServer.cast(child(), 'm')
      await expect.poll(() => restarts.length).toBe(attempt)
      const restart = {
        ref: child(),
        name: undefined,
        system: stage.system,
        childId: 'writer',
        supervisorId: supervisor.id,
        attempt,
      }
      expect(restarts[attempt - 1]).toEqual(restart)
    }
  })

  it('has restarts of stateful and of classic processes', async () => {
    const restarts = published('keelson:supervisor:restart')
    const { system, clock } = stage
    const stateful = createRootSupervisor({ system, emit: () => undefined }).spawn(
      { name: 'stateful', init: () => 0, handle: fails },
      {},
    )
    stateful.send('m')
    await clock.advance(200)
    const fields = { system, childId: undefined, supervisorId: undefined, attempt: 1 }
    expect(restarts).toEqual([{ ref: stateful, name: 'stateful', ...fields }])

    const supervisor = createSupervisor({ system, emit: () => undefined })
    const classic = await supervisor.spawn({ handle: async () => fails() })
    await classic.send('m' as never)
    await clock.advance(10_000)
    expect(restarts[1]).toEqual({ ref: classic, name: undefined, ...fields, supervisorId: expect.any(String) })
  })
})
