// Sends requests to a server that has one place, and a limit of one request at `/limited`.

/** Returns the status of a request that is admitted, of one that is shed meanwhile, and of one beyond the limit. */
export async function statuses(origin, { arrived, release }) {
  const get = (path) => fetch(origin + path).then(async (response) => (await response.text(), response.status))
  const first = get('/slow')
  await arrived
  const shed = await get('/slow')
  release()
  const admitted = await first
  await get('/limited')
  return { admitted, shed, limited: await get('/limited') }
}

/** Creates what the handler of `/slow` waits for, and what tells that it was called. */
export function gate() {
  let [enter, release] = []
  const arrived = new Promise((resolve) => (enter = resolve))
  const released = new Promise((resolve) => (release = resolve))
  return { arrived, release, slow: () => (enter(), released) }
}

/** A gate with one place, in which nobody waits. */
export const onePlace = { limit: 1, maxQueue: 0, tricklePerSecond: 0.001, trickleShare: 0.0001 }
