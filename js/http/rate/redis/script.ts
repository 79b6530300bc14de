/**
 * The rule of the sliding window as a script of Redis. It counts as the core does (`src/core/rate/window.rs`): exactly up
 * to 128 moments of a key in a window, and beyond that in 64 parts of the window, rounded against the caller.
 *
 * A key is a hash: the points that count (`u`), the places of its oldest mark and behind its newest (`h`, `t`), the time
 * until which the newest mark takes in more (`o`), whether it counts in parts (`p`), the last time that was seen (`n`), and
 * each mark by its place: the time of its last point, and its points. Time is the server's, in microseconds.
 */
import { builtin } from '../../../internal/builtin.ts'

const SCRIPT = `
local key, action = KEYS[1], ARGV[1]
local window, limit, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local exact, part = 128, math.floor(window / 64)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local state = redis.call('HMGET', key, 'u', 'h', 't', 'o', 'p', 'n')
local used, head, tail = tonumber(state[1]) or 0, tonumber(state[2]) or 0, tonumber(state[3]) or 0
local open, parts = tonumber(state[4]) or 0, tonumber(state[5]) or 0
now = math.max(now, tonumber(state[6]) or 0)
local function text(number) return string.format('%.0f', number) end
local function mark(place)
  local at, points = string.match(redis.call('HGET', key, text(place)), '(%d+):(%d+)')
  return tonumber(at), tonumber(points)
end
local function setMark(place, at, points)
  redis.call('HSET', key, text(place), text(at) .. ':' .. text(points))
end
while head < tail do
  local at, points = mark(head)
  if at + window > now then break end
  used = used - points
  redis.call('HDEL', key, text(head))
  head = head + 1
end
if head == tail then used, open, parts = 0, 0, 0 end
local allowed, retry = 1, 0
if action == 'take' and used + cost > limit then
  allowed = 0
  local missing = used + cost - limit
  for place = head, tail - 1 do
    local at, points = mark(place)
    retry = at + window - now
    missing = missing - points
    if missing <= 0 then break end
  end
elseif action == 'take' then
  used = used + cost
  local last, points = -1, 0
  if head < tail then last, points = mark(tail - 1) end
  if parts == 0 and tail - head >= exact and last ~= now then
    local place, first = tail, tail
    for each = head, tail - 1 do
      local at, taken = mark(each)
      redis.call('HDEL', key, text(each))
      if place > first and at <= open then
        points = points + taken
      else
        open, points, place = at + part, taken, place + 1
      end
      last = at
      setMark(place - 1, last, points)
    end
    head, tail, parts = first, place, 1
  end
  if last == now or (parts == 1 and head < tail and now <= open) then
    setMark(tail - 1, now, points + cost)
  else
    open = now + part
    setMark(tail, now, cost)
    tail = tail + 1
  end
elseif action == 'give' then
  while cost > 0 and head < tail do
    local at, points = mark(tail - 1)
    local given = math.min(cost, points)
    used, cost = used - given, cost - given
    if given < points then
      setMark(tail - 1, at, points - given)
    else
      redis.call('HDEL', key, text(tail - 1))
      tail, open = tail - 1, 0
    end
  end
end
local reset = 0
if head < tail then
  reset = mark(tail - 1) + window - now
  redis.call('HSET', key, 'u', text(used), 'h', text(head), 't', text(tail), 'o', text(open), 'p', parts, 'n', text(now))
  redis.call('PEXPIRE', key, math.ceil(reset / 1000) + 1)
else
  redis.call('DEL', key)
end
return { allowed, text(math.max(limit - used, 0)), text(retry), text(reset) }
`

let digest: string | undefined
const scriptDigest = (): string => (digest ??= builtin('node:crypto').createHash('sha1').update(SCRIPT).digest('hex'))

/** What the script does with the points of a key. */
export type ScriptAction = 'take' | 'give' | 'look'

/** The answer of the script. Times are microseconds. */
export interface ScriptAnswer {
  readonly allowed: boolean
  readonly remaining: number
  readonly retryUs: number
  readonly resetUs: number
}

/** Sends a command to Redis. */
export type Send = (command: string[]) => Promise<unknown>

/** Runs the script on a key. Sends its text only when the server does not know it yet. */
export async function runScript(
  send: Send,
  key: string,
  action: ScriptAction,
  windowUs: number,
  limit: number,
  cost: number,
): Promise<ScriptAnswer> {
  const rest = ['1', key, action, String(windowUs), String(limit), String(cost)]
  try {
    return answerOf(await send(['EVALSHA', scriptDigest(), ...rest]))
  } catch (error) {
    if (!String((error as Error | undefined)?.message).startsWith('NOSCRIPT')) throw error
    return answerOf(await send(['EVAL', SCRIPT, ...rest]))
  }
}

function answerOf(reply: unknown): ScriptAnswer {
  const numbers = Array.isArray(reply) ? reply.map(Number) : []
  const isAnswer = numbers.length === 4 && numbers.every((number) => Number.isSafeInteger(number) && number >= 0)
  if (!isAnswer) throw new TypeError('Redis answered with something that is no answer')
  const [allowed, remaining, retryUs, resetUs] = numbers as [number, number, number, number]
  return { allowed: allowed === 1, remaining, retryUs, resetUs }
}
