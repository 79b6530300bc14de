import { lazy } from '../internal/lazy.ts'
import { known, options as checkOptions } from '../internal/validate.ts'
import { resolveSystem } from '../system/default.ts'
import type { AnyMessage, Probe, ProbeOptions } from './probe.ts'
import type * as ProbeModule from './probe.ts'

// A probe is a process, and many tests need none.
const probes = lazy(() => require('./probe.ts') as typeof ProbeModule)

/**
 * Makes a probe: a process that keeps what it gets, for a test to expect.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @throws ClosedError when the system is closed.
 * @example
 * ```ts
 * test('reports the total', withSystem(async (system) => {
 *   const probe = createProbe({ system })
 *   GenServer.cast(counter, { type: 'count', replyTo: probe.ref })
 *   await probe.expectMessage({ total: 3 }, { timeoutMs: 100 })
 *   await probe.expectNone(50)
 * }))
 * ```
 */
export function createProbe<Message = AnyMessage>(options?: ProbeOptions): Probe<Message> {
  const settings = checkOptions('options', options)
  known('options', settings, ['system'])
  return probes().makeProbe(resolveSystem(settings.system)) as Probe<Message>
}
