/** Plain data as text and back. `text.ts` loads it at its first use. */
export { revivePlain } from './decode.ts'
export { encodePlain, encodePlainEach } from './encode.ts'
