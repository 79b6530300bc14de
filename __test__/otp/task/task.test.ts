import { AsyncLocalStorage } from 'node:async_hooks'
import { GenServer, isTaskEndedError, type LifecycleEvent, Registry, type System, Task } from 'keelson'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection, thrown } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const { turn } = stage
let system: System
let reported: [unknown, string][]

beforeEach(() => {
  ;({ system, reported } = stage)
})
afterEach(() => {
  expect(system.closed || system.clock.getPendingTimerCount()).toBe(system.closed || 0)
})

const status = (task: Task<unknown>): string => GenServer.getStatus(task.ref).status
const sleep = (ms: number, signal?: AbortSignal): Promise<void> => system.clock.sleep(ms, { signal })
const fails = (message: string) => (): never => {
  throw new Error(message)
}
/** Counts the listeners of a signal. */
const counted = (): { abort(reason?: unknown): void; signal: AbortSignal; listeners(): number } => {
  const controller = new AbortController()
  const { signal } = controller
  const add = vi.spyOn(signal, 'addEventListener')
  const remove = vi.spyOn(signal, 'removeEventListener')
  return {
    abort: (reason) => controller.abort(reason),
    signal,
    listeners: () => {
      const removed = new Set(remove.mock.calls.map(([, listener]) => listener))
      return add.mock.calls.filter(([, listener]) => !removed.has(listener)).length
    },
  }
}

describe('a task', () => {
  it('runs off the stack of the caller, as a process that is gone once it has ended', async () => {
    let isRun = false
    const task = Task.async(
      () => {
        isRun = true
        return 5
      },
      { system },
    )
    expect(isRun).toBe(false)
    expect([task.id, GenServer.isRunning(task.ref)]).toEqual([expect.stringMatching(/^task_/), true])
    const sum: number = await Task.await(task)
    expect(sum).toBe(5)
    expect(status(task)).toBe('stopped')
    expect(await Task.await(task)).toBe(5)
  })

  it('waits for promises, and leaves no process behind', async () => {
    const before = new Set<string>()
    GenServer.onLifecycleEvent((event) => {
      const { id } = event.ref
      if (event.type === 'started') before.add(id)
      else before.delete(id)
    }, system)
    const tasks = Array.from({ length: 100 }, (_, index) =>
      Task.async(() => sleep(index).then(() => index), { system }),
    )
    expect(before.size).toBe(100)
    const all = Task.awaitAll(tasks)
    await stage.clock.advance(100)
    expect(await all).toEqual(tasks.map((_, index) => index))
    expect(before.size).toBe(0)
  })

  it('rejects with what its function throws, whatever that is, and crashes', async () => {
    const events: LifecycleEvent[] = []
    GenServer.onLifecycleEvent((event) => events.push(event), system)
    const task = Task.async(fails('no'), { system })
    const error = await rejection(Task.await(task))
    expect(error).toMatchObject({ message: 'no' })
    expect(events.map(({ type }) => type)).toEqual(['started', 'crashed', 'terminated'])
    expect(events[1]).toMatchObject({ error })
    const odd = Task.async(() => Promise.reject('text'), { system })
    expect(await rejection(Task.await(odd))).toBe('text')
    expect(reported).toEqual([])
  })

  it('tells the owner of the system when it fails and nobody waits; who waits later is told too [task-owner]', async () => {
    const task = Task.async(fails('lost'), { system })
    await turn()
    expect(reported).toMatchObject([[{ message: 'lost' }, `process ${task.id}`]])
    await expect(Task.await(task)).rejects.toThrow('lost')
    expect(reported).toHaveLength(1)
  })

  it('keeps the context of the caller', async () => {
    const storage = new AsyncLocalStorage<string>()
    const task = storage.run('mine', () => Task.async(() => storage.getStore(), { system }))
    expect(await Task.await(task)).toBe('mine')
  })

  it('calls for itself, also from within a handler that goes on: that is no cycle', async () => {
    const answers: unknown[] = []
    const answer = (reply: unknown): void => void answers.push(reply)
    const ref = await GenServer.start<string, string, 'begin'>(
      {
        init: () => 'state',
        handleCall: (_, state) => [state, state],
        handleCast: async (_, state) => {
          await sleep(1)
          const work = async (): Promise<void> => {
            await sleep(1)
            await GenServer.call(ref, 'get').then(answer, answer)
          }
          await Task.start(work, { system })
          await Task.asyncStream([1], () => 1, { system }).next()
          await sleep(5)
          return state
        },
      },
      { system },
    )
    GenServer.cast(ref, 'begin')
    await stage.clock.advance(20)
    await turn()
    expect(answers).toEqual(['state'])
  })

  it('has a name while it runs', async () => {
    const task = Task.async(() => sleep(10), { system, name: 'job' })
    expect(Registry.lookup('job', system)).toBe(task.ref)
    const taken = thrown(() => Task.async(() => 1, { system, name: 'job' }))
    expect(taken).toMatchObject({ code: 'KEELSON_ALREADY_REGISTERED' })
    await stage.clock.advance(10)
    expect(Registry.count(system)).toBe(0)
    expect(reported).toEqual([])
  })

  it('takes no messages, and is none the worse for them', async () => {
    const task = Task.async(() => sleep(10).then(() => 'done'), { system })
    await turn()
    await expect(GenServer.call(task.ref, 1 as never)).rejects.toThrow(`Task '${task.id}' takes no messages`)
    GenServer.cast(task.ref, 1 as never)
    await turn()
    expect(reported).toMatchObject([[{ message: `Task '${task.id}' takes no messages` }, expect.any(String)]])
    const wait = Task.await(task)
    await stage.clock.advance(10)
    expect(await wait).toBe('done')
  })

  it('can be monitored', async () => {
    const infos: unknown[] = []
    const watcher = await GenServer.start<number>(
      {
        init: () => 0,
        handleCall: () => [0, 0],
        handleCast: () => 0,
        handleInfo: (info, state) => {
          infos.push(info)
          return state
        },
      },
      { system },
    )
    const task = Task.async(() => sleep(10), { system })
    const { monitorId } = await GenServer.monitor(watcher, task.ref)
    await stage.clock.advance(10)
    await turn()
    expect(infos).toEqual([{ type: 'DOWN', monitorId, ref: { id: task.id }, reason: { type: 'normal' } }])
  })
})

describe('waiting', () => {
  it('gives up after a time, and then the task is cancelled [task-wait]', async () => {
    let seen: AbortSignal | undefined
    const task = Task.async(
      (signal) => {
        seen = signal
        return sleep(60_000, signal)
      },
      { system },
    )
    const waits = [rejection(Task.await(task)), rejection(Task.await(task, Infinity))]
    await stage.clock.advance(4999)
    expect(seen?.aborted).toBe(false)
    await stage.clock.advance(1)
    const [error, other] = await Promise.all(waits)
    expect(error).toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 5000 })
    expect([other, seen?.reason]).toEqual([error, error])
    await turn()
    expect(status(task)).toBe('stopped')
    expect(reported).toEqual([])
  })

  it('leaves neither timer nor listener [task-wait]', async () => {
    const { signal, listeners } = counted()
    const task = Task.async(() => sleep(10), { system, signal, timeout: 1000 })
    const wait = Task.await(task, { timeout: 100, signal })
    // One listener, however many wait on the signal.
    expect([listeners(), system.clock.getPendingTimerCount()]).toEqual([1, 2])
    await turn()
    await stage.clock.advance(10)
    await wait
    expect([listeners(), system.clock.getPendingTimerCount()]).toEqual([0, 0])
    await Task.await(task, { timeout: 100, signal })
    expect([listeners(), system.clock.getPendingTimerCount()]).toEqual([0, 0])
  })

  it('gives up with its signal, before it begins or later', async () => {
    const { signal, abort, listeners } = counted()
    const late = Task.async(() => new Promise(() => {}), { system })
    const wait = rejection(Task.await(late, { signal }))
    await turn()
    abort('enough')
    expect([await wait, listeners()]).toEqual(['enough', 0])
    const early = Task.async(() => 1, { system })
    expect(await rejection(Task.await(early, { signal }))).toBe('enough')
  })

  it('for several has one time, keeps their order, and cancels the others at the first failure', async () => {
    const after = (ms: number): Task<number> =>
      Task.async(
        async (signal) => {
          await sleep(ms, signal)
          return ms
        },
        { system },
      )
    const all = Task.awaitAll([after(30), after(10), Task.async(() => 'x', { system })])
    await stage.clock.advance(30)
    expect(await all).toEqual([30, 10, 'x'])
    expect(await Task.awaitAll([])).toEqual([])

    const slow = after(1000)
    const failing = Task.async(() => sleep(5).then(fails('first')), { system })
    const failed = rejection(Task.awaitAll([slow, failing]))
    await stage.clock.advance(5)
    expect(await failed).toMatchObject({ message: 'first' })
    expect(status(slow)).toBe('stopped')

    const two = [after(1000), after(2000)]
    const timed = rejection(Task.awaitAll(two, 1500))
    await stage.clock.advance(1500)
    expect(await timed).toMatchObject({ code: 'KEELSON_TIMEOUT', message: '2 tasks timed out after 1500 ms' })
    await turn()
    expect(two.map(status)).toEqual(['stopped', 'stopped'])
    expect(reported).toEqual([])
  })

  it('for several tells the owner of a second failure, which nobody gets', async () => {
    const failing = (ms: number, message: string): Task<never> =>
      Task.async(() => sleep(ms).then(fails(message)), { system })
    const tasks = [failing(1, 'first'), failing(2, 'second')]
    const failed = rejection(Task.awaitAll(tasks))
    await stage.clock.advance(1)
    expect(await failed).toMatchObject({ message: 'first' })
    await stage.clock.advance(1)
    expect(reported).toMatchObject([[{ message: 'second' }, `task ${tasks[1]?.id}, after it had ended`]])
  })

  it('a while does not cancel', async () => {
    const task = Task.async(() => sleep(10).then(() => 'done'), { system })
    const first = Task.yield(task, 5)
    await stage.clock.advance(5)
    expect(await first).toBeUndefined()
    const second = Task.yield(task, 50)
    await stage.clock.advance(5)
    expect(await second).toEqual({ status: 'fulfilled', value: 'done' })
    expect(await Task.yield(task, 0)).toEqual({ status: 'fulfilled', value: 'done' })
  })
})

describe('a task ends early', () => {
  it('when it is cancelled: its signal aborts, who waits is told, and it stops once its function has ended [task-cancel]', async () => {
    let seen: AbortSignal | undefined
    const task = Task.async(
      async (signal) => {
        seen = signal
        await sleep(20)
        return 'too late'
      },
      { system },
    )
    const wait = rejection(Task.await(task))
    await turn()
    expect([Task.cancel(task), Task.cancel(task)]).toEqual([true, false])
    expect(seen?.aborted).toBe(true)
    const error = await wait
    expect(error).toMatchObject({ code: 'KEELSON_TASK_ENDED', taskId: task.id, reason: { type: 'shutdown' } })
    expect([isTaskEndedError(error), seen?.reason === error]).toEqual([true, true])
    expect(status(task)).toBe('stopping')
    await stage.clock.advance(20)
    await turn()
    expect(status(task)).toBe('stopped')
    expect(await rejection(Task.await(task))).toBe(error)
    expect(reported).toEqual([])
  })

  it('before it has begun: its function never runs', async () => {
    const fn = vi.fn()
    const task = Task.async(fn, { system })
    Task.cancel(task, 'never mind')
    expect(await rejection(Task.await(task))).toBe('never mind')
    const aborted = Task.async(fn, { system, signal: AbortSignal.abort('gone') })
    expect(await rejection(Task.await(aborted))).toBe('gone')
    await turn()
    expect(fn).not.toHaveBeenCalled()
    expect([status(task), status(aborted)]).toEqual(['stopped', 'stopped'])
  })

  it.each([
    ['the reason', (reason: unknown) => reason, false],
    ['an AbortError', () => new DOMException('x', 'AbortError'), false],
    ['an error because of it', (cause: unknown) => new Error('x', { cause }), false],
    ['something else', () => new Error('broken'), true],
  ])('and throws %s: that is told exactly if it is news', async (_, make, isNews) => {
    const task = Task.async(
      async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        throw make(signal.reason)
      },
      { system },
    )
    await turn()
    Task.cancel(task)
    await turn()
    expect(reported).toHaveLength(isNews ? 1 : 0)
    expect(status(task)).toBe('stopped')
  })

  it('when its process is stopped, which waits for the function', async () => {
    const task = Task.async(() => sleep(10), { system })
    const wait = rejection(Task.await(task))
    await turn()
    let isStopped = false
    const stopped = GenServer.stop(task.ref, 'shutdown').then(() => (isStopped = true))
    expect(await wait).toMatchObject({ code: 'KEELSON_TASK_ENDED', reason: { type: 'shutdown' } })
    await turn()
    expect([isStopped, status(task)]).toEqual([false, 'stopping'])
    await stage.clock.advance(10)
    expect(await stopped).toBe(true)
  })

  it('when its time is up, which is a failure', async () => {
    const task = Task.async((signal) => sleep(1000, signal), { system, timeout: 100 })
    const wait = rejection(Task.await(task))
    await stage.clock.advance(100)
    expect(await wait).toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 100 })
    expect(reported).toEqual([])
    const alone = Task.async((signal) => sleep(1000, signal), { system, timeout: 100 })
    await stage.clock.advance(100)
    await turn()
    expect(reported).toMatchObject([[{ code: 'KEELSON_TIMEOUT' }, `process ${alone.id}`]])
  })

  it('with the process it is linked to, and ends that when it fails', async () => {
    const behavior = {
      init: () => 0,
      handleCall: () => [0, 0] as const,
      handleCast: fails('crash'),
    }
    const parent = await GenServer.start(behavior, { system })
    const isolated = Task.async(() => sleep(50), { system })
    const linked = Task.async((signal) => sleep(50, signal), { system, link: parent })
    const wait = rejection(Task.await(linked))
    await turn()
    GenServer.cast(parent, 1)
    for (let index = 0; index < 3; index++) await turn()
    expect(await wait).toMatchObject({ code: 'KEELSON_TASK_ENDED', reason: { type: 'error' } })
    expect([status(linked), status(isolated)]).toEqual(['stopped', 'running'])
    expect(thrown(() => Task.async(() => 1, { system, link: parent }))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })

    const other = await GenServer.start(behavior, { system })
    await Task.await(Task.async(() => 1, { system, link: other }))
    expect(GenServer.isRunning(other)).toBe(true)
    await rejection(Task.await(Task.async(fails('no'), { system, link: other })))
    for (let index = 0; index < 3; index++) await turn()
    expect(GenServer.isRunning(other)).toBe(false)
    await stage.clock.advance(50)
  })

  it('with its system: the signal aborts, and who waits is told [close-calls]', async () => {
    let seen: AbortSignal | undefined
    const settled = vi.fn()
    const task = Task.async(
      (signal) => {
        seen = signal
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        })
      },
      { system },
    )
    void Task.await(task).then(settled, settled)
    await turn()
    await system.close()
    expect(seen?.reason).toMatchObject({ code: 'KEELSON_TASK_ENDED', reason: { type: 'shutdown' } })
    expect(settled.mock.calls).toEqual([[seen?.reason]])
    expect(reported).toEqual([])
    expect(thrown(() => Task.async(() => 1, { system }))).toMatchObject({ code: 'KEELSON_CLOSED' })
  })
})

it('starts a task that nobody waits for, whose failure has an owner', async () => {
  let isDone = false
  const work = async (): Promise<void> => {
    await sleep(5)
    isDone = true
  }
  const ref = await Task.start(work, { system })
  await stage.clock.advance(5)
  expect(isDone).toBe(true)
  expect(GenServer.isRunning(ref)).toBe(false)
  const failing = await Task.start(fails('alone'), { system })
  await turn()
  expect(reported).toMatchObject([[{ message: 'alone' }, `process ${failing.id}`]])
  expect(await rejection(Task.start(5 as never))).toMatchObject({ field: 'fn' })
})

it.each([
  ['fn', () => Task.async(5 as never)],
  ['options.timeout', () => Task.async(() => 1, { timeout: -1 })],
  ['options.signal', () => Task.async(() => 1, { signal: 5 as never })],
  ['options.link', () => Task.async(() => 1, { link: { id: 'x' } })],
  ['options.retry', () => Task.async(() => 1, { retry: 5 } as never)],
  ['task', () => Task.await({ id: 'task_1' } as never)],
  ['task', () => Task.cancel(5 as never)],
  ['tasks', () => Task.awaitAll(5 as never)],
  ['tasks[0]', () => Task.awaitAll([5] as never)],
  [
    'timeout',
    () =>
      Task.await(
        Task.async(() => 1, { system }),
        -1,
      ),
  ],
  [
    'options.timeout',
    () =>
      Task.await(
        Task.async(() => 1, { system }),
        { timeout: NaN },
      ),
  ],
  ['source', () => Task.asyncStream(5 as never, () => 1)],
  ['fn', () => Task.asyncStream([], 5 as never)],
  ['options.maxConcurrency', () => Task.asyncStream([], () => 1, { maxConcurrency: 0 })],
  ['options.ordered', () => Task.asyncStream([], () => 1, { ordered: 1 as never })],
])('refuses a bad %s', async (field, attempt) => {
  const error = await rejection(Promise.resolve().then(attempt))
  expect(error).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  await turn()
})
