/** The state of one process, for whoever asks for it. */
import { DEAD } from '../../actor/process.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import { TimeoutError } from '../../errors/errors.ts'
import { known, optionalCallable, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import { StateProbe } from '../gen-server/state-probe.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { settingsOf } from './settings.ts'
import { StateCopy } from './state-view.ts'
import type { GetStateOptions, RedactHook } from './types.ts'

const STATE_TIMEOUT_MS = 1000
const OPTIONS = ['timeoutMs', 'redact']

/** Returns a copy of the state of a process, once no handler of it runs. */
export async function stateOf(server: GenServerProcess, options: GetStateOptions | undefined): Promise<unknown> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  const timeoutMs = positiveMillis('options.timeoutMs', settings.timeoutMs ?? STATE_TIMEOUT_MS)
  const own = optionalCallable<RedactHook>('options.redact', settings.redact)
  const state = await between(server, timeoutMs)
  return new StateCopy([settingsOf(server.system).redact, own]).of(state)
}

/** Resolves with the state when no handler runs. */
function between(server: GenServerProcess, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new ServerNotRunningError(server.id, server))
    if (server.status === DEAD) {
      gone()
      return
    }
    const stopWaiting = server.whenEnded(() => {
      timer.cancel()
      gone()
    })
    const timer = limitOn(server.system.clock, timeoutMs, `the state of ${server.label}`, () => {
      stopWaiting()
      reject(new TimeoutError(`The state of ${server.label}`, timeoutMs))
    })
    const probe = new StateProbe((state) => {
      stopWaiting()
      timer.cancel()
      resolve(state)
    })
    server.runtime.sendSystem(server, probe)
  })
}
