/** Keeps the last crashes of processes while somebody observes. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'

import type { ProcessCrash } from '../actor/process-channels.ts'
import type { Placement, Process } from '../actor/process.ts'
import { HostTime } from '../clock/host.ts'
import { lazy } from '../internal/lazy.ts'
import { stackOf, textOf } from '../internal/thrown-values.ts'
import { findProcess } from '../otp/gen-server/ref.ts'

/** A crash as clients get it. */
export interface CrashNote {
  readonly at: number
  readonly error: string
  readonly stack: string
  readonly message: string
}

const CHANNEL = 'keelson:process:crash'
/** Crashes of one child that are kept. */
const MOST = 8
const LONGEST = 4000

const host = lazy(() => new HostTime())
/** By child, whose processes come and go, or by process. */
const crashes = new WeakMap<Placement | Process, CrashNote[]>()

function keep(message: unknown): void {
  const { ref, messageType, error } = message as ProcessCrash
  const process = findProcess(ref)
  if (process === undefined) return
  const subject = process.placement ?? process
  const note = {
    at: host().wall(),
    error: textOf(error).slice(0, LONGEST),
    stack: stackOf(error).slice(0, LONGEST),
    message: messageType ?? '',
  }
  crashes.set(subject, [note, ...(crashes.get(subject) ?? [])].slice(0, MOST))
}

/** Keeps crashes from now on. The returned function ends it. */
export function keepCrashes(): () => void {
  subscribe(CHANNEL, keep)
  return () => void unsubscribe(CHANNEL, keep)
}

/** Returns the crashes of a child or of a process, the last first. */
export const crashesOf = (subject: Placement | Process): readonly CrashNote[] => crashes.get(subject) ?? []
