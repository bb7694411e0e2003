-- Tell a lane how calls ended, and what the provider said was left.
-- KEYS[2] the lane's counts of this minute
-- Words besides: tokens used, calls made, 429s; the part of the provider's limits that is ours; of answers that told what
-- was left the largest, and what they used less than the most; seconds since the latest call that was answered began, and
-- since those usually did that told what was left; the place on the tokens' line of the answer that told the second of what follows.
-- Then of each bucket: to give back, the last place that was begun, the provider's limit; the least of what was left and of
-- left + place + refill since, both to calls that started just when they could, the least of left + refill since to any, and
-- where the line may be as long as nobody knows what is charged ('-' unknown)
-- Answer: the lane.
local TRIP = 0.3  -- seconds that a call may be on its way to the provider
local answered = tonumber(words[rest + 6])

-- The limit that an answer told, or that it told none.
local function note(b, limit, of)
  local told = lane.told[b.name]
  if limit then
    lane.told[b.name] = {limit = limit, of = of, at = now}
  elseif told and answered then
    told.missing = told.missing or now
  end
end

if answered and now - answered >= lane.paused then lane.grown = nil end
local heard = false
for i, b in ipairs(buckets) do
  local at = rest + 2 + 7 * i
  local back, begun, limit = tonumber(words[at]), tonumber(words[at + 1]), tonumber(words[at + 2])
  local m = recall(b)
  if same_frame then
    b.line, m.begun = b.line + back, math.max(m.begun, begun)
    if b == tokens and lane.factor then count(begun, back) end
    if now - m.begun_at > TRIP then m.begun_before, m.begun_next, m.begun_at = m.begun_next, m.begun, now end
    if words[at + 5] ~= '-' then
      learn(b, m, at + 3)  -- a script without it is run where no call told anything
      heard = true
    end
    if b == tokens and lane.careful then more_careless(answered, m) end
  end
  note(b, limit, tonumber(words[4 * i + 2]))
end
if heard then
  if lane.sure and tonumber(words[rest + 3]) == 1 then weigh(memory.tokens) end
  lane.known, memory.heard = true, now
end
level_off()
save()
remember()
redis.call('HINCRBY', KEYS[1], 'throttled', words[rest + 2])
redis.call('HINCRBY', KEYS[2], 'tokens', words[rest])
redis.call('HINCRBY', KEYS[2], 'calls', words[rest + 1])
redis.call('EXPIRE', KEYS[2], 180)
return told()
