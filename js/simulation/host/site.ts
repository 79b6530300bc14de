import { callerFrames } from '../../clock/sleepers.ts'

/** Returns the frames of the program that calls this, in one line. */
export function programFrames(site: Error = new Error('here')): string | undefined {
  return callerFrames(site)
}
