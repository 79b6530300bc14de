import type { GenServerBehavior } from 'keelson/otp'

/** A server that counts casts, and fails on request. */
export const counter: GenServerBehavior<number, 'get' | 'throw' | 'bad' | 'slow', 'add' | 'crash' | 'forget'> = {
  init: () => 0,
  handleCall: (message, count) => {
    if (message === 'throw') throw new Error('no')
    if (message === 'bad') return 5 as never
    return [count, count]
  },
  handleCast: (message, count) => {
    if (message === 'crash') throw new Error('crash')
    return message === 'forget' ? (undefined as never) : count + 1
  },
}

/** A server that holds a number and never changes it. */
export const holder: GenServerBehavior<number> = {
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: (_, state) => state,
}
