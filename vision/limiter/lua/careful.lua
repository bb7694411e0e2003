-- After a pause one call goes first; when it is answered two more, then four, until the line alone decides again.
local GATHERED = 0.25  -- seconds of refill
local WAIT, LONGEST = 1, 3  -- seconds for which the others wait for an answer, at least and at most

local DEAF = 300  -- seconds after which a provider that told what is left tells nothing
local function deaf() return now - (memory.heard or -DEAF) >= DEAF end

local function allow(careful, begun)
  careful.place = begun + (careful.calls - 1) * careful.cost
  careful.since = math.max(now, lane.paused)
  careful.till = careful.since + math.min(LONGEST, math.max(WAIT, 2 * (memory.age or 0)))
end

local function careful(begun, cost)
  lane.careful = {calls = 1, cost = cost}
  allow(lane.careful, begun)
end

-- The latest of the calls that were answered began so many seconds ago ('nil': none was).
local function more_careless(answered, m)
  local careful = lane.careful
  if not careful then return end
  -- Of a provider that tells nothing nobody knows what gathers meanwhile.
  local most = m.begun + GATHERED * tokens.rate
  if deaf() and reached(tokens) > most then tokens.line = tokens.line + most - reached(tokens) end
  if now >= careful.till or answered and now - answered >= careful.since then
    careful.calls = 2 * careful.calls
    allow(careful, m.begun)
    if careful.place >= math.max(tokens.spent, reached(tokens)) then lane.careful = nil end
  elseif m.begun > careful.place + math.max(m.large, careful.cost) then
    careful.place = m.begun  -- begun by who had not heard of it yet
  end
end
