-- Settles calls that ended, and learns from what the provider stated was left.
-- KEYS[2] the lane's counters of this minute
-- Own words: tokens used, calls made, 429s; our share of the provider's limits; of the answers that stated what was left the
-- tokens of the largest call, and what these calls used less than their most; seconds since the latest answered call began;
-- the usual seconds since calls began that stated what was left; the token slot of the one that gives `past` below.
-- Then of each bucket: what to give back, the last slot that was begun, the provider's limit; of calls that started as soon
-- as they could the least `left` and the least `past` (left + slot + refill since); of all calls the least `reach` (left +
-- refill since), and `gate`, the supply allowed while it is not known what is charged. '-': unknown.
-- Returns the lane.
local TRIP = 0.3  -- seconds that a call may take to reach the provider
local answered = tonumber(words[rest + 6])

-- Notes the limit that an answer stated, or that it stated none.
local function note(b, limit, of)
  local stated = lane.stated[b.name]
  if limit then
    lane.stated[b.name] = {limit = limit, of = of, at = now}
  elseif stated and answered then
    stated.missing = stated.missing or now
  end
end

if answered and now - answered >= lane.paused then lane.grown = nil end
local heard = false
for i, b in ipairs(buckets) do
  local at = rest + 2 + 7 * i
  local back, begun, limit = tonumber(words[at]), tonumber(words[at + 1]), tonumber(words[at + 2])
  local m = recall(b)
  if same_frame then
    b.supply, m.begun = b.supply + back, math.max(m.begun, begun)
    if b == tokens and lane.factor then count(begun, back) end
    if now - m.begun_at > TRIP then m.begun_before, m.begun_next, m.begun_at = m.begun_next, m.begun, now end
    if words[at + 5] ~= '-' then
      learn(b, m, at + 3)  -- the script without headers has no `learn` and never gets here
      heard = true
    end
    if b == tokens and lane.slow_start then widen(answered, m) end
  end
  note(b, limit, tonumber(words[4 * i + 2]))
end
if heard then
  if lane.sure and tonumber(words[rest + 3]) == 1 then decide_mode(memory.tokens) end
  lane.known, memory.heard = true, now
end
level_off()
save()
remember()
redis.call('HINCRBY', KEYS[1], 'throttled', words[rest + 2])
redis.call('HINCRBY', KEYS[2], 'tokens', words[rest])
redis.call('HINCRBY', KEYS[2], 'calls', words[rest + 1])
redis.call('EXPIRE', KEYS[2], 180)
return report()
