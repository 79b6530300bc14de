/** `?`: any one character. */
const ONE = 0
/** `*`: any number of characters except slashes. */
const STAR = 1
/** `**`: any number of characters. */
const ALL = 2

type Part = string | typeof ONE | typeof STAR | typeof ALL

function partsOf(pattern: string): Part[] {
  const parts: Part[] = []
  for (const character of pattern) {
    if (character === '?') parts.push(ONE)
    else if (character !== '*') parts.push(character)
    else if (parts.at(-1) === STAR) parts[parts.length - 1] = ALL
    else if (parts.at(-1) !== ALL) parts.push(STAR)
  }
  return parts
}

/**
 * Compiles a glob to a test: `*` stands for any characters but `/`, `**` for any characters, `?` for one character.
 * Nothing else is special. The test takes time by length of pattern times length of text, for every pattern.
 */
export function globTest(pattern: string): (text: string) => boolean {
  const parts = partsOf(pattern)
  // The places of the pattern that the text read so far can have reached; the last place is the end.
  let now = new Uint8Array(parts.length + 1)
  let next = new Uint8Array(parts.length + 1)
  /** A star may match nothing. */
  const skipStars = (places: Uint8Array): void => {
    for (let at = 0; at < parts.length; at++) {
      if (places[at] === 1 && (parts[at] === STAR || parts[at] === ALL)) places[at + 1] = 1
    }
  }
  return (text) => {
    now.fill(0)
    now[0] = 1
    skipStars(now)
    for (const character of text) {
      next.fill(0)
      for (let at = 0; at < parts.length; at++) {
        if (now[at] === 0) continue
        const part = parts[at]
        if (part === ONE || part === character) next[at + 1] = 1
        else if (part === ALL || (part === STAR && character !== '/')) next[at] = 1
      }
      skipStars(next)
      ;[now, next] = [next, now]
      if (!now.includes(1)) return false
    }
    return now[parts.length] === 1
  }
}
