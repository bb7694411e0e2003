-- How many tokens the provider takes for one that we count: more than one, or nil.
-- One that refusals told falls again, so that it is found out when it has become too much.
local SLIDE, SLOW = 0.01, 0.0002  -- a second: how fast, at first and once refusals told enough

-- Written and read again in the same way by whoever counts with it.
local function exact(found)
  local rounded = math.floor(found * 10000 + 0.5) / 10000
  return rounded > 1 and rounded or nil
end

local function factor() return lane.factor or 1 end

local function since(at, slide)
  return {at = at, counted = at, begun = recall(tokens).begun, taken = 0, slid = factor(), slide = slide}
end

-- What was taken since the last refusal that told nothing, each call counted by the factor of its time.
local function count(begun, back)
  if not deaf() then return end
  local last = memory.refused or since(now, SLOW)
  memory.refused = last
  last.taken = last.taken + (math.max(0, begun - last.begun) - back) / lane.factor
  last.begun = math.max(last.begun, begun)
  last.slid = last.slid * (1 - last.slide * math.max(0, math.min(1, now - last.counted)))
  last.counted = now
  lane.factor = exact(last.slid)
end
