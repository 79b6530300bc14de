/** Call sites of effects, recorded only while traced, because a stack trace costs microseconds. */

let traced = 0

/** Makes effects record the call site of their creation, until the returned function is called. */
export function traceEffects(): () => void {
  traced++
  let isOn = true
  return () => {
    if (isOn) traced--
    isOn = false
  }
}

/** Returns the caller's call site while effects are traced. */
export const siteNow = (): Error | undefined => (traced > 0 ? new Error('created here') : undefined)
