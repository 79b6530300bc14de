/** The command and the answers of an exchange, as Redis gets and returns them. */
import type { ProviderAnswer, ProviderOffer, SharedState } from './types.ts'

/** A tick beyond this is wrong or damaged. The script and the reader take it for none. */
const MAX_TICK = 2 ** 52
/** Longest answer that is read, in characters. */
const MAX_TEXT = 4096

/**
 * The script of one exchange. A key holds `tick time state`; any other value counts as none. The time is Redis's own,
 * so that machines need not agree on one. Only this script counts the tick up.
 */
export const SCRIPT: string = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local answers = {}
for i, key in ipairs(KEYS) do
  local seen, offer = tonumber(ARGV[2 * i]), ARGV[2 * i + 1]
  local tick, time, state = 0, now, ''
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then
    local t, at, rest = string.match(value, '^(%d+) (%d+) (.*)$')
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

/** Returns the command of an exchange. All its keys lie in one slot of a cluster. */
export function command(prefix: string, ttlMs: number, offers: readonly ProviderOffer[]): string[] {
  const keys = offers.map(({ route }) => `{${prefix}}:${route}`)
  const values = offers.flatMap(({ seen, state }) => [String(seen), state === undefined ? '' : JSON.stringify(state)])
  return ['EVAL', SCRIPT, String(keys.length), ...keys, String(Math.ceil(ttlMs)), ...values]
}

/** Returns an answer of Redis, or `undefined` for anything else. Checks everything: any program may have written it. */
export function parseAnswer(reply: unknown): ProviderAnswer | undefined {
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

const isLevel = (number: unknown): number is number => typeof number === 'number' && number >= 0 && number <= 1e9

function sharedState(text: string): SharedState | undefined {
  try {
    return checkedState(JSON.parse(text))
  } catch {
    // The caller counts and reports it as garbage.
    return undefined
  }
}

function checkedState(value: unknown): SharedState | undefined {
  const { node, scar, resistance } = (value ?? {}) as Record<string, unknown>
  if (typeof node !== 'string' || !isLevel(scar) || !isLevel(resistance)) return undefined
  return { node, scar, resistance }
}

/** Returns a copy of any provider's answer, or `undefined` for nonsense. Never throws. */
export function checkedAnswer(value: unknown): ProviderAnswer | undefined {
  try {
    const { tick, stored } = value as ProviderAnswer
    if (!Number.isInteger(tick) || tick < 0 || tick > MAX_TICK) return undefined
    if (stored === undefined) return { tick, stored }
    const { ageMs } = stored
    const state = checkedState(stored.state)
    return typeof ageMs === 'number' && ageMs >= 0 && state ? { tick, stored: { state, ageMs } } : undefined
  } catch {
    return undefined
  }
}
