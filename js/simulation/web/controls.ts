import { lazy } from '../../internal/lazy.ts'
import { known, object, options as checkOptions } from '../../internal/validate.ts'
import type { Endpoint } from '../network/transport.ts'
import type { SimulationServer } from '../types.ts'
import type * as Fetch from './fetch.ts'
import type { SimulatedWeb } from './web.ts'

const fetches = lazy(() => require('./fetch.ts') as typeof Fetch)

/** The parts of a run that its servers and requests use. */
interface ServingRun {
  readonly web: SimulatedWeb
  readonly currentNode: Endpoint | undefined
  assertRunning(): void
  nodeOf(field: string, system: unknown): Endpoint
}

/** Makes an app listen on a node. It checks options, and the web of the run decides. */
export function listenIn(run: ServingRun, name: string, app: unknown, options: unknown): SimulationServer {
  run.assertRunning()
  const settings = object<{ system?: unknown }>('options', options, 'an object with a system')
  known('options', settings, ['system'])
  const server = run.web.listen(name, app, run.nodeOf('options.system', settings.system))
  return {
    url: `http://${name}`,
    close: () => {
      server.isClosed = true
    },
  }
}

/** Sends a request from a node, or from the program. */
export async function fetchIn(
  run: ServingRun,
  url: string | URL | Request,
  init: RequestInit | undefined,
  options: { readonly system?: unknown } | undefined,
): Promise<Response> {
  run.assertRunning()
  const settings = checkOptions('options', options)
  known('options', settings, ['system'])
  const from = settings.system === undefined ? run.currentNode : run.nodeOf('options.system', settings.system)
  return await fetches().fetchFrom(run.web, from, url, init)
}
