/** Suggests known names for a misspelt one. */

/** Maps option names of well-known libraries to the names here. The first that exists is suggested. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  attempts: ['maxAttempts', 'times'],
  capacity: ['maxSize', 'limit', 'highWaterMark'],
  concurrency: ['maxConcurrency', 'limit'],
  count: ['times'],
  cooldown: ['openForMs'],
  deadline: ['timeout', 'timeoutMs'],
  delay: ['everyMs', 'initialMs', 'initialDelayMs', 'initial'],
  duration: ['windowMs', 'timeoutMs', 'within'],
  halfOpenAfter: ['openForMs'],
  interval: ['windowMs', 'everyMs', 'intervalMs'],
  max: ['limit', 'maxRequests', 'maxSize', 'maxEntries', 'maxMs', 'maxAttempts', 'maxConcurrency'],
  maxAge: ['ttlMs', 'maxAgeMs', 'defaultTtlMs'],
  maxConcurrent: ['limit', 'maxConcurrency'],
  maxDelay: ['maxMs'],
  maxItems: ['maxSize', 'maxEntries'],
  maxQueue: ['queue', 'maxMailbox', 'maxInbox'],
  maxRetries: ['maxAttempts', 'times'],
  minDelay: ['initialMs', 'initial'],
  ms: ['timeoutMs', 'timeout'],
  multiplier: ['factor'],
  points: ['limit', 'maxRequests'],
  resetTimeout: ['openForMs'],
  retries: ['maxAttempts', 'times'],
  size: ['maxSize', 'limit'],
  ttl: ['ttlMs', 'defaultTtlMs'],
  window: ['windowMs', 'within'],
}

/** Up to this length, one letter may be wrong; in longer names two. */
const SHORT = 4

/**
 * Returns the names that the word may stand for: those with the fewest wrong letters, at most two (one in a name of
 * up to four letters), or the name here for an option of another library. Empty when none is near.
 */
export function nearest(word: string, names: readonly string[]): readonly string[] {
  let best: string[] = []
  let least = 3
  for (const name of names) {
    const wrong = distance(word, name)
    if (wrong > least || wrong > (Math.min(name.length, word.length) <= SHORT ? 1 : 2)) continue
    if (wrong < least) best = []
    least = wrong
    best.push(name)
  }
  if (best.length > 0 && least < 2) return best
  const alias = Object.hasOwn(OTHER_WORDS, word) ? OTHER_WORDS[word]?.find((name) => names.includes(name)) : undefined
  return alias === undefined ? best : [alias]
}

const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '')

/** Counts wrong letters: missing, added, changed, or two swapped. Three or more count as three. */
function distance(word: string, name: string): number {
  const [from, to] = [plain(word), plain(name)]
  if (from === to) return 0
  // The unit in a name is easy to forget.
  if (`${from}ms` === to || from === `${to}ms`) return 1
  if (Math.abs(from.length - to.length) > 2) return 3
  let before: number[] = []
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const same = from[i - 1] === to[j - 1]
      let least = Math.min((row[j - 1] as number) + (same ? 0 : 1), (row[j] as number) + 1, (next[j - 1] as number) + 1)
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        least = Math.min(least, (before[j - 2] as number) + 1)
      }
      next.push(least)
    }
    before = row
    row = next
  }
  return Math.min(3, row[to.length] as number)
}
