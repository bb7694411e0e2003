-- Slow start after a pause: one call first, two more once it is answered, then four, until only the schedule limits.
local GATHERED = 0.25  -- seconds of refill
local WAIT, LONGEST = 1, 3  -- seconds that other calls wait for an answer, at least and at most

local SILENT_AFTER = 300  -- seconds without headers after which a provider counts as one that sends none
local function is_silent() return now - (memory.heard or -SILENT_AFTER) >= SILENT_AFTER end

local function allow(slow_start, begun)
  slow_start.slot = begun + (slow_start.calls - 1) * slow_start.cost
  slow_start.since = math.max(now, lane.paused)
  slow_start.till = slow_start.since + math.min(LONGEST, math.max(WAIT, 2 * (memory.age or 0)))
end

local function begin_slow_start(begun, cost)
  lane.slow_start = {calls = 1, cost = cost}
  allow(lane.slow_start, begun)
end

-- Let more calls start. `answered`: when the latest answered call began ('nil': none was answered).
local function widen(answered, m)
  local slow_start = lane.slow_start
  if not slow_start then return end
  -- A provider without headers does not say how much refill gathers meanwhile: assume little.
  local most = m.begun + GATHERED * tokens.rate
  if is_silent() and reached(tokens) > most then tokens.supply = tokens.supply + most - reached(tokens) end
  if now >= slow_start.till or answered and now - answered >= slow_start.since then
    slow_start.calls = 2 * slow_start.calls
    allow(slow_start, m.begun)
    if slow_start.slot >= math.max(tokens.spent, reached(tokens)) then lane.slow_start = nil end
  elseif m.begun > slow_start.slot + math.max(m.large, slow_start.cost) then
    slow_start.slot = m.begun  -- another process began it before it knew of the slow start
  end
end
