-- Reserve a list of calls on one lane; answers for each, in order, when it may start.
-- KEYS[1] the lane · ARGV: tokens/min, requests/min, headroom in seconds, then the tokens of each call
-- Answer: one integer per call: microseconds to wait, or -1 if the call can never fit.
-- A level may be negative: those tokens are promised to calls that start when the refill has caught up.
local tpm, rpm, headroom = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'requests', 'at', 'paused_until')
-- Levels are those of `at`, the first instant at which a call could start: after a pause, the pause's end.
local at = math.max(now, tonumber(state[4]) or 0)
local elapsed = math.max(0, at - (tonumber(state[3]) or at))
local tokens_cap = tpm * (1 - headroom / 60)
local requests_cap = math.max(1, rpm * (1 - headroom / 60))
local tokens = math.min(tokens_cap, (tonumber(state[1]) or tokens_cap) + elapsed * tpm / 60)
local requests = math.min(requests_cap, (tonumber(state[2]) or requests_cap) + elapsed * rpm / 60)

local waits = {}
for i = 4, #ARGV do
  local cost = tonumber(ARGV[i])
  if cost > tpm then
    waits[#waits + 1] = -1
  else
    tokens, requests = tokens - cost, requests - 1
    local wait = at - now + math.max(0, -tokens * 60 / tpm, -requests * 60 / rpm)
    waits[#waits + 1] = math.ceil(wait * 1000000)
  end
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'requests', tostring(requests), 'at', string.format('%.6f', at))
redis.call('EXPIRE', KEYS[1], 86400)
return waits
