// How long the event loop is held between two of its turns.

/** Watches until `stop`, which says the longest hold in ms. */
export function watchTurns() {
  let [wall, cpu] = [0, 0]
  let held = 0
  let longest = 0
  let over = 0
  let turns = 0
  let watching = true
  const look = () => {
    const now = performance.now()
    const { user, system } = process.cpuUsage()
    const used = (user + system) / 1000
    if (turns > 0) {
      longest = Math.max(longest, now - wall)
      if (now - wall > 20) over += 1
      // On a machine that others use, a turn also lasts while they run: what this process did not compute, it did not hold.
      held = Math.max(held, Math.min(now - wall, used - cpu))
    }
    ;[wall, cpu] = [now, used]
    turns += 1
    if (watching) setImmediate(look)
  }
  look()
  return () => {
    watching = false
    return { held, longest, over, turns }
  }
}
