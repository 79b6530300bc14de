/** Runs a random program and says which rules it saw broken. */
import { GenServer, type Info, type LifecycleEvent, type ProcessDownReason, type TerminateReason } from 'keelson'

import { keyOf, type Proc } from './proc.ts'
import type { Op, Program } from './program.ts'
import { World, type Asked, type Relation } from './world.ts'

const MOST_TURNS = 3000

/** The world that is told of errors that nobody has caught. */
let present: World | undefined
export const strayed = (error: unknown, origin: string): void => {
  let text = 'unreadable'
  try {
    text = String((error as Error | undefined)?.message ?? error)
  } catch {
    // It has no text.
  }
  present?.fault(origin, text)
}

async function carryOut(world: World, op: Op): Promise<void> {
  switch (op.op) {
    case 'start':
      world.start(op.setup)
      break
    case 'cast':
      world.cast(op.to, op.act)
      break
    case 'call':
      world.call(op.to, op.act, op.timeout, op.then, op.signal)
      break
    case 'burst':
      for (let left = op.count; left > 0; left--) {
        const act = op.kind === 'hold' ? 'hold' : 'note'
        if (op.kind === 'cast') world.cast(op.to, { act })
        else if (op.kind === 'wait')
          world.cast(op.to, left % 100 === 0 ? { act: 'turns', turns: 1 } : { act: 'wait', ms: 0 })
        else world.call(op.to, { act }, op.timeout, left % 50 === 0 ? op.then : 'nothing', false)
      }
      break
    case 'answer':
      world.answer(op.count, op.last)
      break
    case 'answers': {
      const some = (): void => {
        world.answer(op.chunk, true)
        if (world.held.length > 0 && !world.closing) world.system.clock.schedule(1, some)
      }
      world.system.clock.schedule(op.ms, some)
      break
    }
    case 'abort': {
      const some = world.calls.filter(({ controller, outcome }) => controller !== undefined && outcome === undefined)
      some[op.which % some.length]?.controller?.abort(new Error('given up'))
      break
    }
    case 'stop':
      world.stop(op.who, op.reason)
      break
    case 'link':
    case 'monitor':
      world.relate(op.op, op.one, op.other)
      break
    case 'unlink':
    case 'demonitor':
      world.undo(op.op === 'unlink' ? 'link' : 'monitor', op.which)
      break
    case 'after':
      world.after(op.to, op.ms, op.act)
      break
    case 'cancel': {
      const timer = world.timers[op.which % world.timers.length]
      if (timer !== undefined) GenServer.cancelTimer(timer)
      break
    }
    case 'look':
      world.look(op.who)
      break
    case 'advance':
      await world.advance(op.ms)
      break
    case 'turn':
      await world.turns(op.turns)
      break
    case 'micro':
      for (let tick = 0; tick < op.ticks; tick++) await undefined
      break
    default:
      world.listen(op.kind)
  }
}

/** Lets time pass until nothing more happens by itself. */
async function settle(world: World, isDone: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    if (isDone()) return true
    if (turn % 10 === 9) await world.advance(world.clock === undefined ? 5 : 200)
    else await world.turns(1)
  }
  return false
}

const downOf = (reason: TerminateReason): ProcessDownReason =>
  typeof reason === 'string' ? { type: reason } : { type: 'error', message: keyOf(reason).slice('error: '.length) }

const sameReason = (told: ProcessDownReason, reason: ProcessDownReason): boolean =>
  told.type === reason.type &&
  (told.type !== 'error' ||
    reason.type !== 'error' ||
    reason.message === 'unreadable' ||
    told.message === reason.message)

function checkCall(world: World, call: Asked): void {
  const { sent, timeout, outcome } = call
  if (outcome === undefined) {
    world.fault('call-settles', `call ${sent.id} (${sent.act.act}, ${timeout} ms) is pending`)
    return
  }
  if (!('error' in outcome)) {
    if (outcome.value !== `re:${sent.id}`) world.fault('own-answer', `call ${sent.id} got ${String(outcome.value)}`)
    return
  }
  if (call.replied) world.fault('own-answer', `call ${sent.id} was answered and rejected`)
  const error = outcome.error as { code?: string; timeoutMs?: number } | undefined
  let code: string | undefined
  try {
    code = error?.code
  } catch {
    code = undefined
  }
  const { setup } = sent.to
  switch (code) {
    case 'KEELSON_CALL_TIMEOUT':
      if (timeout === Infinity || error?.timeoutMs !== timeout)
        world.fault('own-answer', `call ${sent.id} of ${timeout} ms timed out after ${error?.timeoutMs}`)
      else if (outcome.at < call.madeAt + timeout - 0.001) world.fault('early', `call ${sent.id}`)
      break
    case 'KEELSON_NOT_RUNNING':
      if (!sent.to.ended && call.wasRunning) world.fault('own-answer', `call ${sent.id}: not running, and it runs`)
      break
    case 'KEELSON_MAILBOX_FULL':
      if (setup.bound === Infinity || !call.mayBeFull)
        world.fault('bounded', `call ${sent.id} is refused where room is`)
      break
    case 'KEELSON_CALL_CYCLE':
      if (call.by === undefined) world.fault('call-cycle', `call ${sent.id} is nobody's`)
      break
    case 'KEELSON_INVALID_RETURN':
      if (sent.act.act !== 'none') world.fault('own-answer', `call ${sent.id}: ${sent.act.act} returned a bad value`)
      break
    case 'KEELSON_INVALID_ARGUMENT':
      world.fault('bound of times', `${timeout} ms is refused`)
      break
    default:
      if (sent.act.act !== 'throw' && call.controller?.signal.aborted !== true) {
        world.fault('own-answer', `call ${sent.id} (${sent.act.act}) got ${String((error as Error).message)}`)
      }
  }
}

function checkProc(world: World, proc: Proc): void {
  const { ref, ended, terminates, causes, setup } = proc
  if (ref === undefined) {
    if (proc.startFailed === undefined) world.fault('start-ready', 'a start is pending')
    if (setup.init === 'throws' && terminates.length > 0) world.fault('terminate-once', 'of one that never began')
    return
  }
  const status = GenServer.getStatus(ref)
  if ((status.status === 'stopped') !== (ended !== undefined))
    world.fault('events', `${status.status}, and terminated was ${ended === undefined ? 'not ' : ''}told`)
  if (ended === undefined) {
    if (terminates.length > 0) world.fault('terminate-once', 'it runs, and terminate ran')
    if (status.status !== 'running') world.fault('hang', `it is ${status.status}`)
    if (status.queueSize !== 0) world.fault('queue-size', `${status.queueSize} at rest`)
    for (const sent of proc.waiting) {
      if (sent.over || sent.vague === true || setup.overflow === 'drop-oldest') continue
      world.fault('lost', `${sent.kind} ${sent.id} (${sent.act.act}) was never handled`)
      break
    }
    return
  }
  if (terminates.length !== 1) world.fault('terminate-once', `${terminates.length} times`)
  const key = keyOf(ended)
  if (terminates[0] !== undefined && keyOf(terminates[0]) !== key) world.fault('reason', 'terminate got another reason')
  const isOdd = proc.threwOdd && key.startsWith('error')
  const isLinked = key.startsWith('error: Linked process')
  if (isLinked) {
    const { relations } = world
    const others = relations.filter(({ kind, one, other }) => kind === 'link' && (one === proc || other === proc))
    const dead = others.map((link) => (link.one === proc ? link.other : link.one)).filter((one) => one.ended)
    const culprits = dead.filter((one) => key.includes(one.ref?.id ?? '?'))
    if (culprits.length === 0) world.fault('reason', `nobody it is linked with has ended, but: ${key}`)
  } else if (!causes.has(key) && !isOdd) {
    const wasShut =
      key === 'shutdown' &&
      world.relations.some((link) => link.kind === 'link' && (link.one === proc || link.other === proc))
    if (!wasShut) world.fault('reason', `it ended with ${key}, for which there is no cause`)
  }
}

const named = (proc: Proc): string => proc.ref?.id ?? ''

function checkRelation(world: World, relation: Relation): void {
  const { kind, one, other, wasGone, undone } = relation
  if (kind === 'link') {
    if (undone || (one.ended === undefined) === (other.ended === undefined)) return
    const [dead, living] = one.ended === undefined ? [other, one] : [one, other]
    const reason = dead.ended as TerminateReason
    const told = living.infos.filter((info) => info.type === 'EXIT' && info.from.id === named(dead)) as Info[]
    if (living.setup.trapExit) {
      if (told.length !== 1) world.fault('EXIT once', `it was told ${told.length} times`)
      const unknown = told.length === 1 && !sameReason((told[0] as Info).reason, downOf(reason))
      if (unknown) world.fault('EXIT reason', JSON.stringify((told[0] as Info).reason))
    } else if (reason !== 'normal') {
      world.fault('orphan', `linked with one that ended with ${keyOf(reason)}, it goes on`)
    }
    return
  }
  if (relation.ref === undefined || !('monitorId' in relation.ref)) return
  const { monitorId } = relation.ref
  const events = world.events.filter((event) => event.type === 'down' && event.monitorId === monitorId) as Extract<
    LifecycleEvent,
    { type: 'down' }
  >[]
  const infos = one.infos.filter((info) => info.type === 'DOWN' && info.monitorId === monitorId)
  if (events.length > 1 || infos.length > 1) world.fault('DOWN once', `told ${events.length}, ${infos.length} times`)
  const isDue = one.ended === undefined && other.ended !== undefined && !undone
  if (isDue && (events.length !== 1 || infos.length !== 1))
    world.fault('DOWN once', `told ${events.length} and ${infos.length} times`)
  for (const { reason, from } of [
    ...events.map((event) => ({ reason: event.reason, from: event.monitoredRef })),
    ...infos.map((info) => ({ reason: info.reason, from: (info as Extract<Info, { type: 'DOWN' }>).ref })),
  ]) {
    if (from.id !== named(other)) world.fault('DOWN reason', `of ${from.id}`)
    const right: ProcessDownReason = wasGone ? { type: 'noproc' } : downOf(other.ended ?? 'normal')
    if (other.ended === undefined) world.fault('DOWN once', 'of one that runs')
    else if (!sameReason(reason, right))
      world.fault('DOWN reason', `${JSON.stringify(reason)} for ${JSON.stringify(right)}`)
  }
}

function checkReports(world: World): void {
  for (const [error, origin] of world.reported) {
    if (/^process (n. \()?genserver_|a lifecycle handler|^terminate of/.test(origin)) continue
    if (/^(a timer|sendAfter)/.test(origin)) continue
    let text = 'unreadable'
    try {
      text = String((error as Error).message)
    } catch {
      // It has none.
    }
    world.fault('reported', `${origin}: ${text}`)
  }
}

/** The rules that were broken. */
export async function run(program: Program, count: (what: string) => void): Promise<readonly string[]> {
  const world = new World(program.time, count)
  present = world
  for (const setup of program.setups) world.start(setup)
  await world.turns(1)
  for (const op of program.ops) {
    try {
      await carryOut(world, op)
    } catch (error) {
      world.fault(`threw in ${op.op}`, String((error as Error).message))
    }
  }
  await finish(world)
  present = undefined
  return world.faults
}

async function finish(world: World): Promise<void> {
  const isQuiet = (): boolean => {
    if (world.held.length > 0) world.answer(1000, false)
    return (
      world.calls.every(({ outcome }) => outcome !== undefined) &&
      world.stops.every(({ outcome }) => outcome !== undefined) &&
      world.procs.every(
        (proc) =>
          (proc.ref !== undefined || proc.startFailed !== undefined) &&
          (!proc.isLive || [...proc.waiting].every(({ over, vague }) => over || vague === true)),
      )
    )
  }
  await settle(world, isQuiet)
  // Timers, and what their messages lead to.
  for (let round = 0; round < 4; round++) {
    await world.advance(100)
    await world.turns(3)
  }
  await settle(world, isQuiet)
  for (const call of world.calls) checkCall(world, call)
  for (const { outcome, who } of world.stops) {
    if (outcome === undefined) world.fault('stop', 'a stop never resolves')
    else if (outcome !== 'resolved' && who.setup.terminate !== 'throws') world.fault('stop', 'a stop rejects')
  }
  for (const proc of world.procs) checkProc(world, proc)
  for (const relation of world.relations) checkRelation(world, relation)
  world.nameOwner(0)
  world.nameOwner(1)
  checkReports(world)
  await close(world)
}

async function close(world: World): Promise<void> {
  world.closing = true
  const before = world.stops.length
  for (let index = 0; index < world.procs.length; index++) world.stop(index, 'normal')
  const ended = await settle(world, () => world.stops.every(({ outcome }) => outcome !== undefined))
  if (!ended) world.fault('stop', 'a last stop never resolves')
  await world.turns(3)
  const { inUse } = world
  if (inUse !== 0 && inUse !== undefined)
    world.fault('left', `${inUse} places are in use (${world.stops.length - before} stops)`)
  const end = { isReached: false }
  void world.system.close().then(
    () => {
      end.isReached = true
    },
    (error: unknown) => world.fault('close', String(error)),
  )
  for (let turn = 0; turn < MOST_TURNS && !end.isReached; turn++) await world.turns(1)
  if (!end.isReached) world.fault('close', 'it never ends')
}
