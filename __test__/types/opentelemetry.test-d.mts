// What a consumer's compiler has to accept of `keelson/opentelemetry` and of the channels, and what it has to refuse.
import { subscribe } from 'node:diagnostics_channel'
import type { AdmissionTrace } from 'keelson/atrion'
import type { CircuitChange } from 'keelson/effect'
import type { AppendTrace } from 'keelson/journal'
import { instrument } from 'keelson/opentelemetry'
import {
  type CallTrace,
  GenServer,
  type HandleTrace,
  type ProcessCrash,
  type ProcessRestart,
  type Stall,
} from 'keelson/otp'
import { createSystem } from 'keelson/system'

const system = createSystem()
instrument().close()
instrument(system, { castSpans: 'parent' }).close()
instrument({ castSpans: 'link' }).close()
{
  using spans = instrument(system)
  spans.close()
}
// @ts-expect-error there is no such way for spans
instrument(system, { castSpans: 'child' })
// @ts-expect-error there is no such option
instrument({ callSpans: 'link' })

await GenServer.start({ init: () => 0 }, { context: 'caller' })
await GenServer.start({ init: () => 0 }, { context: 'process' })
// @ts-expect-error there is no such context
await GenServer.start({ init: () => 0 }, { context: 'sender' })

const names: (string | undefined)[] = []
subscribe('tracing:keelson:call:start', (call) => names.push((call as CallTrace).name))
subscribe('tracing:keelson:handle:end', (run) => names.push((run as HandleTrace).kind, (run as HandleTrace).topic))
subscribe('tracing:keelson:admission:end', (request) => {
  const { result, route, shadow } = request as AdmissionTrace
  names.push(route, result?.allow === false ? result.reason : undefined, String(shadow))
})
subscribe('tracing:keelson:journal.append:end', (append) => names.push(String((append as AppendTrace).data.length)))
subscribe('keelson:process:crash', (crash) => names.push((crash as ProcessCrash).messageType))
subscribe('keelson:supervisor:restart', (restart) => names.push((restart as ProcessRestart).childId))
subscribe('keelson:stall', (stall) => names.push((stall as Stall).handler))
subscribe('keelson:circuit', (change) => names.push((change as CircuitChange).to))
// @ts-expect-error the state of a process is not published
export const state = (run: HandleTrace): unknown => run.state
