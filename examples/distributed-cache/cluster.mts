// Nodes as processes of the operating system, each below a process of keelson's that ends with it.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { GenServer, type GenServerRef, Supervisor, type System, timeout } from 'keelson'

import { Refusal } from '../lib/program.mjs'
import { type PingAnswer, quorumOf } from './protocol.mjs'
import { httpTransport } from './transport.mjs'

const entry = fileURLToPath(new URL('process.mjs', import.meta.url))
/** A node that starts again takes an incarnation that no crash inside of it can have reached. */
const INCARNATIONS = 1_000_000
const PING_TIMEOUT_MS = 5000

export interface ClusterOptions {
  readonly nodes: number
  /** The port of the first node; the others have those after it. 0: any. */
  readonly port?: number
  readonly system: System
}

export interface Cluster {
  /** Returns the present addresses of the nodes. */
  addresses(): string[]
  /** Returns the names of the nodes that answer reads and writes. */
  ready(): Promise<string[]>
  /** Kills a random node (SIGKILL), unless too few would be left for a quorum. Resolves with its name. */
  killOne(): Promise<string | undefined>
  stop(): Promise<void>
}

interface Running {
  readonly child: ChildProcess
  readonly address: string
}

/** Starts a process and resolves with its address. Rejects with what it says if it ends before. */
function launch(options: object): Promise<Running> {
  const child = fork(entry, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  let errors = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text))
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve({ child, address: (message as { address: string }).address }))
    child.once('close', (code) => reject(new Refusal(errors.trim() || `a node ended with ${code}`)))
    child.once('error', reject)
  })
}

export async function startCluster({ nodes, port = 0, system }: ClusterOptions): Promise<Cluster> {
  const names = Array.from({ length: nodes }, (_, n) => `node-${n + 1}`)
  const starts = new Map<string, number>()
  const running = new Map<string, Running>()
  const transport = httpTransport()
  const limit = timeout(PING_TIMEOUT_MS, { system })

  async function startNode(name: string): Promise<GenServerRef> {
    const times = starts.get(name) ?? 0
    starts.set(name, times + 1)
    const seeds = Array.from(running.values(), ({ address }) => address)
    const place = port === 0 ? 0 : port + names.indexOf(name)
    const incarnation = (times + 1) * INCARNATIONS
    const options = { name, nodes, incarnation, isNew: times === 0, seeds, port: place }
    return GenServer.start<Running, never, string>(
      {
        async init() {
          const self = GenServer.self()
          const node = await launch(options)
          running.set(name, node)
          node.child.once('close', (code, signal) => {
            if (GenServer.isRunning(self)) GenServer.cast(self, `${name} ended with ${signal ?? code}`)
          })
          return node
        },
        // The end of the program is the crash of this process, so the supervisor starts both again.
        handleCast(ended) {
          running.delete(name)
          throw new Error(ended)
        },
        terminate: (_, { child }) => void child.kill('SIGKILL'),
      },
      { system, name, initTimeout: Infinity },
    )
  }

  const supervisor = await Supervisor.start({
    system,
    restartIntensity: { maxRestarts: 1000, withinMs: 60_000 },
    backoff: { initialMs: 100, maxMs: 1000 },
    children: names.map((name) => ({ id: name, start: () => startNode(name) })),
  })

  async function isReady({ address }: Running): Promise<boolean> {
    const envelope = { message: { type: 'ping' }, requestId: 'cluster' } as const
    const ping = await limit
      .execute(({ signal }) => transport.send(address, envelope, signal))
      .catch(() => ({ isReady: false }))
    return (ping as PingAnswer).isReady
  }

  async function ready(): Promise<string[]> {
    const all = [...running]
    const answers = await Promise.all(all.map(([, node]) => isReady(node)))
    return all.filter((_, n) => answers[n]).map(([name]) => name)
  }

  return {
    addresses: () => Array.from(running.values(), ({ address }) => address),
    ready,
    async killOne() {
      const candidates = await ready()
      if (candidates.length <= quorumOf(nodes)) return undefined
      const name = system.random.pick(candidates)
      const node = running.get(name)
      running.delete(name)
      node?.child.kill('SIGKILL')
      return name
    },
    stop: () => Supervisor.stop(supervisor),
  }
}
