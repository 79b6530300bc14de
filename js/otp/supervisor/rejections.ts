import { InvalidArgumentError } from '../../errors/errors.ts'
import { TimeoutError } from '../../errors/errors.ts'
import type { Child } from './child.ts'
import {
  ChildNotFoundError,
  DuplicateChildError,
  InvalidSimpleOneForOneConfigError,
  SupervisorNotFoundError,
} from './errors.ts'
import * as protocol from '../../protocol/supervisor.ts'

/** A refusal of the core: its number, its detail, and the crash that came before. */
export interface Refusal {
  readonly what: number
  readonly detail: number
  readonly cause: Error | undefined
}

/** Returns the error of a request that the core refused. */
export function rejectionOf(
  { id: supervisorId, name }: { readonly id: string; readonly name: string | undefined },
  childId: string,
  child: Child | undefined,
  { what, detail, cause }: Refusal,
): Error {
  switch (what) {
    case protocol.REFUSED_STOPPING:
      return new SupervisorNotFoundError(supervisorId, name)
    case protocol.REFUSED_NOT_FOUND:
      return new ChildNotFoundError(supervisorId, childId, name)
    case protocol.REFUSED_DUPLICATE:
      return new DuplicateChildError(supervisorId, childId, name)
    case protocol.REFUSED_SPECIFICATION:
      return new InvalidSimpleOneForOneConfigError(supervisorId, 'children follow the template')
    case protocol.REFUSED_START_FAILED:
      return child === undefined
        ? new ChildNotFoundError(supervisorId, childId, name)
        : startErrorOf(child, detail, cause)
    default:
      return new InvalidArgumentError('spec', `a specification that keeps the rules (it breaks rule ${detail})`, child)
  }
}

/** Returns the error of a child that did not start. */
export function startErrorOf(child: Child, detail: number, cause: Error | undefined): Error {
  const { id } = child
  if (detail === protocol.START_TIMED_OUT)
    return new TimeoutError(`the start of child '${id}'`, child.policy.startTimeout)
  if (detail === protocol.START_PID_TAKEN) {
    return new InvalidArgumentError(`what the start of '${id}' makes`, 'a process of its own', child.server?.ref)
  }
  return child.startError ?? new Error(`child '${id}' did not start`, { cause })
}
