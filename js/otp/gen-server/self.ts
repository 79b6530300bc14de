/** `GenServer.self` and `GenServer.signal`: the process whose callback runs, and the end of what it works on. */
import { currentProcess } from '../../actor/call-context.ts'
import { OutsideHandlerError } from '../errors.ts'
import { GenServerProcess } from './process.ts'
import type { GenServerRef } from './types.ts'

function ownProcess(what: string): GenServerProcess {
  const process = currentProcess()
  if (process instanceof GenServerProcess) return process
  throw new OutsideHandlerError(what)
}

export function self<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(): GenServerRef<
  State,
  CallMsg,
  CastMsg,
  CallReply
> {
  return ownProcess('GenServer.self()').ref
}

export function signal(): AbortSignal {
  const process = ownProcess('GenServer.signal()')
  const call = process.running
  return call === undefined || (call.settled && call.givenUp === undefined) ? process.endSignal : call.signal
}
