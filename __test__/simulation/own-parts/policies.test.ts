/** Circuit breakers, bulkheads and retries whose calls come at once. */
import { bulkhead, circuitBreaker, isCircuitOpenError, retry, schedule } from 'keelson/effect'
import { Limiter } from 'keelson/otp'
import { describe } from 'vitest'

import { expectEqual } from '../races/tools.ts'
import { ignore, part } from './part.ts'

describe('a circuit breaker', () => {
  part('lets one probe through when it is half open', async (sim) => {
    const system = sim.system('a')
    const breaker = circuitBreaker({ system, consecutive: 2, openForMs: 100 })
    let [running, isOpenSince] = [0, NaN]
    const work = async (): Promise<void> => {
      if (system.clock.monoMs() >= isOpenSince + 100) expectEqual('the probes at once', running, 0)
      running++
      await system.clock.sleep(5)
      running--
      throw new Error('down')
    }
    for (let turn = 0; turn < 2; turn++) await breaker.execute(work).catch(ignore)
    isOpenSince = system.clock.monoMs()
    const calls = ['r', 's', 't'].map(async (name) => {
      await sim.system(name).clock.sleep(sim.choose(150, `when ${name} comes`))
      await breaker.execute(work).catch((error: unknown) => {
        if (!isCircuitOpenError(error) && !/down/.test(String(error))) throw error
      })
    })
    await Promise.all(calls)
  })

  part('is closed again when the service behind it is well, and is never shut for ever', async (sim) => {
    const system = sim.system('a')
    const breaker = circuitBreaker({ system, consecutive: 2, openForMs: 50, halfOpen: { timeoutMs: 100 } })
    const hangs = new Promise<never>(() => undefined)
    let isDown = true
    const work = async (): Promise<string> => {
      if (isDown && sim.choose(3, 'it hangs') === 2) return hangs
      await system.clock.sleep(system.random.int(5))
      if (isDown) throw new Error('down')
      return 'up'
    }
    for (let call = 0; call < 6; call++) {
      void breaker.execute(work).catch(ignore)
      await system.clock.sleep(sim.choose(60, 'when the next call comes'))
    }
    isDown = false
    await system.clock.sleep(500)
    expectEqual('the first call', await breaker.execute(work), 'up')
    expectEqual('the state', breaker.state, 'closed')
  })
})

describe('a bulkhead', () => {
  part('never runs more than its limit, and loses nobody', async (sim) => {
    const system = sim.system('a')
    const gate = bulkhead({ system, limit: 2, queue: 100 })
    let [running, done, left] = [0, 0, 0]
    sim.invariant('at most two run', () => running <= 2)
    const jobs = Array.from({ length: 8 }, async (_, index) => {
      await sim.system(`n${index % 3}`).clock.sleep(sim.choose(10, 'when it comes'))
      const controller = new AbortController()
      const isAborted = sim.choose(4, 'it gives up') === 3
      if (isAborted) system.clock.schedule(sim.choose(10, 'when it gives up'), () => controller.abort())
      await gate
        .execute(
          async () => {
            running++
            await system.clock.sleep(system.random.int(10))
            running--
            done++
          },
          { signal: controller.signal },
        )
        .catch((error: unknown) => {
          if (!isAborted) throw error
          left++
        })
    })
    await Promise.all(jobs)
    await gate.whenIdle()
    if (done + left < 8) throw new Error(`${done} jobs were done and ${left} gave up, of 8`)
    expectEqual('the jobs that run', gate.stats.active + gate.stats.queued, 0)
  })
})

describe('a retry', () => {
  part('tries as often as it may, with its pauses, and gives the last error', async (sim) => {
    const system = sim.system('a')
    const tries: number[] = []
    const policy = retry({ system, maxAttempts: 4, backoff: schedule.constant(20) })
    const fails = sim.choose(6, 'failures')
    const result = await policy
      .execute(async () => {
        tries.push(system.clock.monoMs())
        await system.clock.sleep(sim.choose(3, 'how long it takes'))
        if (tries.length <= fails) throw new Error(`try ${tries.length}`)
        return 'done'
      })
      .catch((error: unknown) => String(error))
    expectEqual('the tries', tries.length, Math.min(fails + 1, 4))
    expectEqual('the result', result, fails < 4 ? 'done' : 'Error: try 4')
    for (const [place, at] of tries.slice(1).entries()) {
      if (at - (tries[place] as number) < 20 - 1e-6) throw new Error('a pause was too short')
    }
  })
})

describe('a limiter', () => {
  part('admits no more than its limit in any window, whatever time does', async (sim) => {
    const system = sim.system('a')
    const limiter = new Limiter({ maxRequests: 3, windowMs: 100, system })
    const admitted: number[] = []
    const clients = ['p', 'q', 'r'].map(async (name) => {
      const { clock } = sim.system(name)
      for (let turn = 0; turn < 4; turn++) {
        await clock.sleep(sim.choose(60, 'when it comes'))
        if (limiter.take('key').allowed) admitted.push(system.clock.monoMs())
      }
    })
    await Promise.all(clients)
    for (const [place, at] of admitted.entries()) {
      const before = admitted[place - 3]
      if (before !== undefined && at - before < 100 - 1e-6) throw new Error(`four in ${at - before} ms`)
    }
  })
})
