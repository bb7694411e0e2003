-- Tell a lane how calls ended.
-- KEYS[1] the lane, KEYS[2] its count of this minute
-- ARGV: tokens/min, requests/min, headroom, tokens to give back, requests to give back, the provider's remaining tokens
-- and requests ('' unknown), tokens used, calls made, 429s
local tpm, rpm, headroom = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'requests', 'at', 'paused_until')
-- Levels are those of `at`, as in reserve.lua.
local at = math.max(now, tonumber(state[4]) or 0)
local elapsed = math.max(0, at - (tonumber(state[3]) or at))

local function level(stored, limit, back, remaining)
  local cap = math.max(1, limit * (1 - headroom / 60))
  local value = math.min(cap, (tonumber(stored) or cap) + elapsed * limit / 60 + back)
  -- The provider's own count wins when it is lower: someone else may use the same key, or it refunds less than we do.
  if remaining then value = math.min(value, remaining + (at - now) * limit / 60) end
  return tostring(value)
end

redis.call('HSET', KEYS[1],
  'tokens', level(state[1], tpm, tonumber(ARGV[4]), tonumber(ARGV[6])),
  'requests', level(state[2], rpm, tonumber(ARGV[5]), tonumber(ARGV[7])),
  'at', string.format('%.6f', at))
redis.call('HINCRBY', KEYS[1], 'throttled', ARGV[10])
redis.call('EXPIRE', KEYS[1], 86400)
redis.call('HINCRBY', KEYS[2], 'tokens', ARGV[8])
redis.call('HINCRBY', KEYS[2], 'calls', ARGV[9])
redis.call('EXPIRE', KEYS[2], 180)
return redis.status_reply('OK')
