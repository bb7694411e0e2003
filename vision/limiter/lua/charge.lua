-- What the provider charges for a token that we count: the lane's `factor`, one or more.
-- Where it tells what is left, two of its answers measure it. Others who use the key take in bursts or at any rate not in
-- step with our calls, so that it counts only what three of four measurements agree on.
-- Where it tells nothing, refusals do: between two of them the refill was used up by what we took.
local SPAN, SPANS, ENOUGH = 0.25, 12, 12  -- seconds of refill between two answers; measurements that are kept; that decide
local UNCLEAR = 0.5  -- seconds by which the instant of an answer may be mistaken and two still measure it
local AGREE, EXACT = 0.1, 0.02  -- by which they, and what a refusal tells, have to differ from what is counted
local STEP = 1.3  -- after a refusal that tells nothing, until there is more to go by
local LEAP = 8  -- more than so much a single refusal is not believed
local ROUNDED = 0.001  -- seconds by which a wait, and what is left, may be rounded
local LONG = 8  -- seconds between two refusals that tell enough

-- A new frame: calls that wait were counted by the factor before, and are reserved again.
local function charges(found)
  lane.factor = exact(found)
  local frame = string.format('%.6f', now)
  lane.frame, lane.open = frame == lane.frame and frame .. '+' or frame, {}
  for _, b in ipairs(buckets) do
    local m = recall(b)
    -- Whatever the line has reached may just have begun.
    b.spent, m.seen = math.max(m.begun, math.min(b.spent, allowed(b))), {}
  end
  memory.from, memory.spans = nil, {}
  level_off()
end

-- An answer at this place told that the provider has so much more than we think.
local function measure(place, more, when_answered, mistaken)
  local from = memory.from
  if mistaken > UNCLEAR then
    memory.from = nil
    return
  end
  if not from or from.when_answered ~= when_answered then
    memory.from = {place = place, more = more, when_answered = when_answered}
    return
  end
  local far = place - from.place
  if far < SPAN * tokens.rate then return end
  memory.from = {place = place, more = more, when_answered = when_answered}
  local spans = memory.spans or {}
  memory.spans = spans
  spans[#spans + 1] = 1 - (more - from.more) / far
  if #spans > SPANS then table.remove(spans, 1) end
  if #spans < ENOUGH then return end
  lane.sure = lane.sure or now
  local sorted = {unpack(spans)}
  table.sort(sorted)
  local low, high = sorted[math.ceil(#sorted / 4)], sorted[math.ceil(#sorted * 3 / 4)]
  if low > 1 + AGREE or (high < 1 - AGREE and lane.factor) then
    local before = factor()
    charges(before * sorted[math.ceil(#sorted / 2)])
    return factor() > before
  end
end

-- A refusal that told what was left of the tokens and how long a call has to wait that is `count` tokens for us.
-- Answer: whether it is charged as we count; then others have taken what was lacking.
-- A wait in whole seconds is rounded and tells nothing.
local function told_charge(left, count, seconds)
  if seconds % 1 == 0 then return end
  local found = math.min((left + (seconds - ROUNDED) * tokens.rate) / count, LEAP)
  if found > factor() * (1 + EXACT) + 2 * ROUNDED * tokens.rate / count then charges(found) else return true end
end

-- A refusal that told nothing.
local function refused()
  local before = memory.refused
  if not deaf() or (before and now - before.at < math.max(0.25, memory.age or 0)) then return end
  local enough = before and now - before.at >= LONG and before.taken > 0
  local found = enough and tokens.rate * (now - before.at) / before.taken * 1.01 or math.huge
  charges(math.min(factor() * STEP, found))
  memory.refused = since(now, enough and SLOW or SLIDE)
end
