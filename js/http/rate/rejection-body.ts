import { InvalidArgumentError } from '../../errors/errors.ts'

/** The body of a refusal and its content type. */
export interface RejectionBody {
  readonly type: string
  readonly body: string
}

export const DEFAULT_BODY: RejectionBody = rejectionBody('message', 'Too many requests, please try again later.')

/** Returns a message as a body: text as it is, anything else as JSON. Throws for what JSON cannot hold. */
export function rejectionBody(field: string, message: unknown): RejectionBody {
  if (typeof message === 'string') return { type: 'text/plain; charset=utf-8', body: message }
  return { type: 'application/json; charset=utf-8', body: json(field, message) }
}

function json(field: string, message: unknown): string {
  let body: string | undefined
  try {
    body = JSON.stringify(message)
  } catch {
    // The error below names the field.
  }
  if (body !== undefined) return body
  throw new InvalidArgumentError(field, 'text, or something that can be written as JSON', message)
}
