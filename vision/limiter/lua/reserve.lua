-- Reserves slots for a list of calls.
-- Own words: of each call the most tokens it can take, the tokens it is likely to take, its images.
-- Returns the lane, and one text: for each call its token slot as an offset from the last slot before this script, '-' for a
-- call that is larger than a bucket. In the other buckets the slots follow each other in this order.
local LARGE = 2  -- seconds of refill from which a call is large
local GUARD = 0.5  -- seconds before a large call's start in which no smaller one goes first: its process must hear of it in time
local PATIENCE = 0.5  -- by which part of its tokens a large call may be delayed
local TRUST = 1  -- seconds of refill that a bucket of unknown level is assumed to hold

local open = lane.open
while open[1] and open[1].slot <= reached(tokens) do table.remove(open, 1) end

-- Lets a small call start out of turn, from the supply that has gathered for a large one.
local function fill(cost)
  local gap, supply = open[1], reached(tokens)
  if not gap or gap.left < cost.tokens or gap.from + cost.tokens > supply then return false end
  if gap.slot - supply < GUARD * tokens.rate or cost.tokens > LARGE * tokens.rate then return false end
  for _, b in ipairs(buckets) do
    if b ~= tokens and b.spent + cost[b.kind] > b.supply then return false end
  end
  gap.left, lane.filled = gap.left - cost.tokens, lane.filled + cost.tokens
  return true
end

local offsets, start = {}, tokens.spent
local fresh = not lane.known and tokens.spent == 0
local most, cost, factor = nil, {requests = 1}, lane.factor
local function fits()
  for _, b in ipairs(buckets) do
    if (b.kind == 'tokens' and most or cost[b.kind]) > b.limit then return false end
  end
  return true
end

for i = rest, #words, 3 do
  most, cost.images = tonumber(words[i]), tonumber(words[i + 2])
  cost.tokens = lane.mode == 'max' and most or tonumber(words[i + 1])
  if factor then cost.tokens = math.ceil(cost.tokens * factor) end
  if not fits() then
    offsets[#offsets + 1] = '-'
  else
    -- The first call finds out the level of an unknown bucket; the others wait for its answer or for the refill.
    if fresh then
      for _, b in ipairs(buckets) do b.supply = math.max(b.supply, cost[b.kind] - TRUST * b.rate) end
      fresh = false
    end
    local filled = fill(cost)
    for _, b in ipairs(buckets) do
      if not (filled and b == tokens) then b.spent = b.spent + cost[b.kind] end
    end
    if not filled and cost.tokens > LARGE * tokens.rate then
      open[#open + 1] = {from = tokens.spent - cost.tokens, slot = tokens.spent, left = PATIENCE * cost.tokens}
    end
    offsets[#offsets + 1] = string.format('%.0f', (filled and open[1].from or tokens.spent) - start)
  end
end
save()
return {report(), table.concat(offsets, ' ')}
