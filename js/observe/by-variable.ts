/** Observes what the environment variable `KEELSON_OBSERVE` asks for: one server for all systems of the program. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { threadName } from '../internal/loop-watch.ts'
import type { System } from '../system/system.ts'
import { showSystem } from './environment.ts'
import { checkObserve, type ObserveSettings } from './options.ts'
import type { Observation, ObserveOptions } from './types.ts'

const FORMS = 'unix, unix:PATH, http or http:127.0.0.1:PORT'

let server: Observation | undefined

function optionsOf(value: string): ObserveOptions {
  if (value === 'unix') return { socket: true }
  if (value.startsWith('unix:') && value.length > 'unix:'.length) return { socket: value.slice('unix:'.length) }
  const token = process.env['KEELSON_OBSERVE_TOKEN']
  if (value === 'http' || value.startsWith('http:')) {
    return { http: value === 'http' ? true : value.slice('http:'.length), ...(token !== undefined && { token }) }
  }
  throw new InvalidArgumentError('KEELSON_OBSERVE', FORMS, value)
}

/** Writes where the page is. Whoever reads stderr may open it. */
function announce({ address, token }: Observation): void {
  if (address.http === undefined) return
  const url = process.env['KEELSON_OBSERVE_TOKEN'] === undefined ? `${address.http}?token=${token}` : address.http
  process.stderr.write(`keelson: observe at ${url}\n`)
}

/**
 * Shows a system on the server of the program, which the first system of the main thread opens. Workers add
 * their systems to it.
 */
export function observeByVariable(
  system: System,
  value: string,
  open: (settings: ObserveSettings) => Observation,
): void {
  const settings = checkObserve(optionsOf(value))
  if (server === undefined && threadName() === 'main') {
    server = open(settings)
    announce(server)
  }
  const end = showSystem(system, settings)
  system.own({ close: end })
}
