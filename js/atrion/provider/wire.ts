import type { Answer, Offer, SharedState } from './types.ts'

/** Ticks beyond this are a lie or damage: the script takes them for none, and so does the reader. */
const MAX_TICK = 2 ** 52
/** Nobody's name or number is longer. */
const MAX_TEXT = 4096

/**
 * What Redis runs for one exchange. A key holds `tick time state`; whatever else stands there is nothing. The time is
 * Redis's own, so that machines need not agree on one; the tick is counted up here alone.
 */
export const SCRIPT: string = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local answers = {}
for i, key in ipairs(KEYS) do
  local seen, offer = tonumber(ARGV[2 * i]), ARGV[2 * i + 1]
  local tick, time, state = 0, now, ''
  local held = redis.pcall('GET', key)
  if type(held) == 'string' then
    local t, at, rest = string.match(held, '^(%d+) (%d+) (.*)$')
    t, at = tonumber(t), tonumber(at)
    if t and at and t < ${MAX_TICK} then tick, time, state = t, at, rest end
  end
  if offer ~= '' and seen >= tick then
    tick = tick + 1
    redis.call('SET', key, string.format('%.0f %.0f ', tick, now) .. offer, 'PX', ARGV[1])
    answers[i] = string.format('%.0f', tick)
  else
    answers[i] = string.format('%.0f %.0f ', tick, math.max(now - time, 0)) .. state
  end
end
return answers
`

/** The command for an exchange: names are made keys that lie in one slot of a cluster. */
export function command(prefix: string, ttlMs: number, offers: readonly Offer[]): string[] {
  const keys = offers.map(({ route }) => `{${prefix}}:${route}`)
  const values = offers.flatMap(({ seen, state }) => [String(seen), state === undefined ? '' : JSON.stringify(state)])
  return ['EVAL', SCRIPT, String(keys.length), ...keys, String(Math.ceil(ttlMs)), ...values]
}

/** One answer; `undefined` for what is none. It was written by anybody: everything is checked. */
export function answer(reply: unknown): Answer | undefined {
  const text = typeof reply === 'string' ? reply : undefined
  if (text === undefined || text.length > MAX_TEXT) return undefined
  const parts = /^(\d{1,16})(?: (\d{1,16}) ([\s\S]*))?$/.exec(text)
  if (parts === null) return undefined
  const tick = Number(parts[1])
  if (tick > MAX_TICK) return undefined
  if (parts[3] === undefined || parts[3] === '') return { tick, stored: undefined }
  const state = sharedState(parts[3])
  return state && { tick, stored: { state, ageMs: Number(parts[2]) } }
}

const sane = (number: unknown): number is number => typeof number === 'number' && number >= 0 && number <= 1e9

function sharedState(text: string): SharedState | undefined {
  try {
    return checkedState(JSON.parse(text))
  } catch {
    // Not ours to report: the caller counts it as garbage.
    return undefined
  }
}

function checkedState(value: unknown): SharedState | undefined {
  const { node, scar, resistance } = (value ?? {}) as Record<string, unknown>
  if (typeof node !== 'string' || !sane(scar) || !sane(resistance)) return undefined
  return { node, scar, resistance }
}

/** Returns a copy of an answer that any provider gave, or `undefined` for what is none. Never throws. */
export function checkedAnswer(given: unknown): Answer | undefined {
  try {
    const { tick, stored } = given as Answer
    if (!Number.isInteger(tick) || tick < 0 || tick > MAX_TICK) return undefined
    if (stored === undefined) return { tick, stored }
    const { ageMs } = stored
    const state = checkedState(stored.state)
    return typeof ageMs === 'number' && ageMs >= 0 && state ? { tick, stored: { state, ageMs } } : undefined
  } catch {
    return undefined
  }
}
