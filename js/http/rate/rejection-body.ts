import { InvalidArgumentError } from '../../errors/errors.ts'

/** What a refused request is answered with, as it is sent. */
export interface Answer {
  readonly type: string
  readonly body: string
}

export const USUAL_ANSWER: Answer = answerOf('message', 'Too many requests, please try again later.')

/** Text as it is, and anything else as JSON. */
export function answerOf(field: string, message: unknown): Answer {
  if (typeof message === 'string') return { type: 'text/plain; charset=utf-8', body: message }
  return { type: 'application/json; charset=utf-8', body: json(field, message) }
}

function json(field: string, message: unknown): string {
  let body: string | undefined
  try {
    body = JSON.stringify(message)
  } catch {
    // Said below.
  }
  if (body !== undefined) return body
  throw new InvalidArgumentError(field, 'text, or something that can be written as JSON', message)
}
