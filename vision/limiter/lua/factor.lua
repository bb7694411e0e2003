-- The charge factor: how many tokens the provider takes for one of our count; nil for one.
-- A factor learned from refusals falls slowly, so that it does not stay too high for ever.
local SLIDE, SLOW = 0.01, 0.0002  -- by which part it falls each second: at first, and once two refusals gave it

-- Rounded, so that every process counts with the same number.
local function exact(found)
  local rounded = math.floor(found * 10000 + 0.5) / 10000
  return rounded > 1 and rounded or nil
end

local function factor() return lane.factor or 1 end

local function since(at, slide)
  return {at = at, counted = at, begun = recall(tokens).begun, taken = 0, slid = factor(), slide = slide}
end

-- Counts the tokens taken since the last refusal without headers, each call by the factor of its time.
local function count(begun, back)
  if not is_silent() then return end
  local last = memory.refused or since(now, SLOW)
  memory.refused = last
  last.taken = last.taken + (math.max(0, begun - last.begun) - back) / lane.factor
  last.begun = math.max(last.begun, begun)
  last.slid = last.slid * (1 - last.slide * math.max(0, math.min(1, now - last.counted)))
  last.counted = now
  lane.factor = exact(last.slid)
end
