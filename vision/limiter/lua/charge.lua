-- Learns the charge factor: how many tokens the provider takes for one of our count, at least one.
-- With headers, two answers give one measurement. Other users of the key take tokens too, but not in step with our calls,
-- so the factor changes only where three of four measurements agree.
-- Without headers, refusals give it: between two of them our calls used up the refill.
local SPAN, SPANS, ENOUGH = 0.25, 12, 12  -- seconds of refill between two answers; measurements kept; measurements needed
local UNCLEAR = 0.5  -- seconds of doubt about the instant of an answer, at most
local AGREE, EXACT = 0.1, 0.02  -- least difference from the factor in force: of measurements, of a refusal
local STEP = 1.3  -- the factor grows by this after a refusal without headers
local LEAP = 8  -- the highest factor that a single refusal can give
local ROUNDED = 0.001  -- seconds by which the provider may round
local LONG = 8  -- seconds between two refusals that give a factor

-- Begins a new frame: waiting calls were reserved by the old factor, so their processes reserve them again.
local function charges(found)
  lane.factor = exact(found)
  local frame = string.format('%.6f', now)
  lane.frame, lane.open = frame == lane.frame and frame .. '+' or frame, {}
  for _, b in ipairs(buckets) do
    local m = recall(b)
    -- Every call whose slot is reached may just have begun.
    b.spent, m.seen = math.max(m.begun, math.min(b.spent, allowed(b))), {}
  end
  memory.from, memory.spans = nil, {}
  level_off()
end

-- The answer to the call at this slot stated that the provider has `more` than we think.
local function measure(slot, more, when_answered, mistaken)
  local from = memory.from
  if mistaken > UNCLEAR then
    memory.from = nil
    return
  end
  if not from or from.when_answered ~= when_answered then
    memory.from = {slot = slot, more = more, when_answered = when_answered}
    return
  end
  local far = slot - from.slot
  if far < SPAN * tokens.rate then return end
  memory.from = {slot = slot, more = more, when_answered = when_answered}
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

-- A refusal stated what was left of the tokens, and how long a call of `count` tokens by our count has to wait.
-- Returns true if the provider charges as we count: then other users took the missing tokens.
-- A wait in whole seconds is rounded, so it is ignored.
local function stated_charge(left, count, seconds)
  if seconds % 1 == 0 then return end
  local found = math.min((left + (seconds - ROUNDED) * tokens.rate) / count, LEAP)
  if found > factor() * (1 + EXACT) + 2 * ROUNDED * tokens.rate / count then charges(found) else return true end
end

-- A refusal without headers.
local function refused()
  local before = memory.refused
  if not is_silent() or (before and now - before.at < math.max(0.25, memory.age or 0)) then return end
  local enough = before and now - before.at >= LONG and before.taken > 0
  local found = enough and tokens.rate * (now - before.at) / before.taken * 1.01 or math.huge
  charges(math.min(factor() * STEP, found))
  memory.refused = since(now, enough and SLOW or SLIDE)
end
