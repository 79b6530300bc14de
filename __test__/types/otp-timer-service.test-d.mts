// What a consumer's compiler has to accept of timer services, and what it has to refuse.
import {
  GenServer,
  type GenServerRef,
  Supervisor,
  type TimerAdapter,
  type TimerEntry,
  TimerService,
  type TimerServiceRef,
} from 'keelson/otp'

const timers: TimerServiceRef = await TimerService.start({ path: './timers', durability: 'flush', retryMs: 5 })
declare const counter: GenServerRef<number, 'get', 'add', number>
const id: string = await TimerService.schedule(timers, counter, 'add', 100, { repeat: 5 })
await TimerService.schedule(timers, 'a name', { any: 'message' }, 100, { id: 'daily' })
const entry: TimerEntry | undefined = await TimerService.get(timers, id)
entry?.fireAt satisfies number | undefined
;(await TimerService.getAll(timers)) satisfies readonly TimerEntry[]
;(await TimerService.cancel(timers, id)) satisfies boolean
await Supervisor.start({ children: [{ id: 'timers', start: () => TimerService.start() }] })
await GenServer.stop(timers)

const adapter: TimerAdapter = {
  save: (key: string, record) => void [key, record.state],
  load: async () => undefined,
  delete: () => true,
  listKeys: () => [],
}
await TimerService.start({ adapter, checkIntervalMs: 5 })

// @ts-expect-error a message that the process does not take
await TimerService.schedule(timers, counter, 'subtract', 100)
// @ts-expect-error no such option
await TimerService.start({ tickMs: 5 })
// @ts-expect-error another process is no timer service
await TimerService.cancel(counter, id)
