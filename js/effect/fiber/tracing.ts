/** Where things are made, while somebody wants to know: a stack costs microseconds. */

let traced = 0

/** Effects remember where they are made until the returned function is called. */
export function traceEffects(): () => void {
  traced++
  let on = true
  return () => {
    if (on) traced--
    on = false
  }
}

/** Where the caller stands, while effects are traced. */
export const siteNow = (): Error | undefined => (traced > 0 ? new Error('created here') : undefined)
