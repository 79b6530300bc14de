import { GenServer, Registry, Supervisor, Task, type TaskSupervisorRef } from 'keelson/otp'
import { beforeEach, describe, expect, it } from 'vitest'

import { held } from '../../support/promises.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let sup: TaskSupervisorRef

beforeEach(async () => {
  sup = await Task.Supervisor.start({ system: stage.system })
})
const after =
  <T>(ms: number, value: T) =>
  (): Promise<T> =>
    stage.clock.sleep(ms).then(() => value)
const broken = (): never => {
  throw new Error('broken')
}

describe('Task.Supervisor', () => {
  it('runs tasks as its children, which are gone when they have ended', async () => {
    const task = await Task.Supervisor.async(sup, after(10, 42))
    expect(Supervisor.countChildren(sup)).toBe(1)
    const result = Task.await(task)
    await stage.clock.advance(10)
    expect(await result).toBe(42)
    await expect.poll(() => Supervisor.countChildren(sup)).toBe(0)
  })

  it('rejects with a TaskExecutionError whose cause is what the function threw, and runs it once', async () => {
    const task = await Task.Supervisor.async(sup, broken)
    expect(await rejection(Task.await(task))).toMatchObject({
      code: 'KEELSON_TASK_FAILED',
      message: 'Task execution failed: broken',
      cause: { message: 'broken' },
    })
    expect(Supervisor.isRunning(sup)).toBe(true)
  })

  it('ends its tasks with it: their signals abort, and waits reject', async () => {
    let signal: AbortSignal | undefined
    const task = await Task.Supervisor.async(sup, (own) => {
      signal = own
      return new Promise((resolve) => own.addEventListener('abort', resolve))
    })
    const failed = rejection(Task.await(task))
    await stage.turn()
    await Task.Supervisor.stop(sup)
    expect([signal?.aborted, (await failed).code]).toEqual([true, 'KEELSON_TASK_ENDED'])
    expect(await rejection(Task.Supervisor.async(sup, broken))).toMatchObject({ code: 'KEELSON_SUPERVISOR_NOT_FOUND' })
  })

  it('has a name', async () => {
    const named = await Task.Supervisor.start({ system: stage.system, name: 'workers' })
    expect(Registry.lookup('workers', stage.system)).toBe(named)
  })

  it('resolves with a list of results in the order of the functions, so many at a time', async () => {
    let [running, most] = [0, 0]
    const counted = (ms: number) => async (): Promise<number> => {
      most = Math.max(most, ++running)
      await stage.clock.sleep(ms)
      running--
      return ms
    }
    const list = Task.Supervisor.asyncStream(sup, [30, 10, 20, 5].map(counted), { concurrency: 2 })
    await stage.clock.advance(100)
    expect([await list, most]).toEqual([[30, 10, 20, 5], 2])
    const asEnded = Task.Supervisor.asyncStream(sup, [30, 10, 20].map(counted), { ordered: false })
    await stage.clock.advance(100)
    expect(await asEnded).toEqual([10, 20, 30])
    expect(await Task.Supervisor.asyncStream(sup, [])).toEqual([])
  })

  it('rejects with the first failure and cancels the others, or puts errors into the list', async () => {
    const other = held()
    const signals: AbortSignal[] = []
    const fns = [(signal: AbortSignal) => (signals.push(signal), other.task()), after(5, 1), broken]
    const failed = rejection(Task.Supervisor.asyncStream(sup, fns as never[]))
    await stage.clock.advance(1)
    other.resolve(1)
    expect(await failed).toMatchObject({ code: 'KEELSON_TASK_FAILED' })
    expect(signals[0]?.aborted).toBe(true)
    const list = Task.Supervisor.asyncStream(sup, [after(5, 1), broken], { onErrorContinue: true })
    await stage.clock.advance(5)
    expect(await list).toEqual([1, expect.objectContaining({ code: 'KEELSON_TASK_FAILED' })])
  })

  it('settles with a status for each function, also for one that takes too long', async () => {
    const list = Task.Supervisor.asyncStreamSettled(sup, [after(5, 'a'), broken, after(50, 'b')], { timeout: 20 })
    await stage.clock.advance(50)
    expect(await list).toMatchObject([
      { status: 'ok', value: 'a' },
      { status: 'error', error: { code: 'KEELSON_TASK_FAILED' } },
      { status: 'error', error: { code: 'KEELSON_TIMEOUT' } },
    ])
  })

  it('refuses refs of other supervisors, and what is no list of functions', async () => {
    const other = await Supervisor.start({ system: stage.system })
    expect(await rejection(Task.Supervisor.async(other, broken))).toMatchObject({ field: 'ref' })
    expect(await rejection(Task.Supervisor.async(sup, 5 as never))).toMatchObject({ field: 'fn' })
    expect(await rejection(Task.Supervisor.asyncStream(sup, 5 as never))).toMatchObject({ field: 'fns' })
    expect(await rejection(Task.Supervisor.asyncStream(sup, [5 as never]))).toMatchObject({ field: 'fns[0]' })
    const options = { concurrency: 0 }
    expect(await rejection(Task.Supervisor.asyncStream(sup, [], options))).toMatchObject({
      field: 'options.concurrency',
    })
  })
})

describe('Task.shutdown', () => {
  it('cancels a task and resolves when its function and process have ended', async () => {
    const gate = held()
    const task = Task.async(gate.task, { system: stage.system })
    const failed = rejection(Task.await(task))
    await stage.turn()
    let isOver = false
    const shutdown = Task.shutdown(task).then(() => (isOver = true))
    await stage.turn()
    expect([isOver, (await failed).code]).toEqual([false, 'KEELSON_TASK_ENDED'])
    gate.resolve(1)
    await shutdown
    expect(GenServer.isRunning(task.ref)).toBe(false)
    await Task.shutdown(task)
  })
})

describe('Task.yield without a time', () => {
  it('gives the result of a task that has succeeded, and undefined for any other', async () => {
    const { system } = stage
    expect(await Task.yield(Task.async(async () => 42, { system }))).toBe(42)
    const slow = Task.async(after(10, 1), { system })
    expect(await Task.yield(slow)).toBeUndefined()
    const failing = Task.async(broken, { system })
    expect(await Task.yield(failing)).toBeUndefined()
    expect(stage.reported.map(([error]) => (error as Error).message)).toEqual(['broken'])
    await stage.clock.advance(10)
    expect(await Task.yield(slow)).toBe(1)
  })
})

describe('Task.await', () => {
  it('rejects with a TaskTimeoutError, which is a TimeoutError', async () => {
    const task = Task.async(after(100, 1), { system: stage.system })
    const failed = rejection(Task.await(task, 10))
    await stage.clock.advance(10)
    expect(await failed).toMatchObject({ name: 'TaskTimeoutError', code: 'KEELSON_TIMEOUT', timeoutMs: 10 })
  })
})
