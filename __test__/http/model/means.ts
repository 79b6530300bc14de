import { NetWire } from './net-wire.ts'
import { Wire } from './wire.ts'
import type { Means } from './world.ts'

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Connections in memory: everything has arrived after some turns of the event loop. */
export const inMemory: Means = {
  isExact: true,
  begin: async () => {},
  connect: async ({ server }) => {
    const wire = new Wire()
    server.emit('connection', wire.socket)
    return wire
  },
  settle: async () => {
    await turn()
    await turn()
    await turn()
  },
  until: async (problems) => problems(),
}

const LONGEST_MS = 3000

/** Connections over loopback: what is waited for comes at some time. */
export function overLoopback(): Means {
  let port = 0
  return {
    isExact: false,
    begin: async (served) => void (port = await served.listen()),
    connect: () => NetWire.connect(port),
    settle: async () => {
      for (let turns = 0; turns < 8; turns++) await turn()
    },
    until: async (problems) => {
      const since = performance.now()
      let told = problems()
      while (told.length > 0 && performance.now() - since < LONGEST_MS) {
        await turn()
        told = problems()
      }
      return told
    },
  }
}
