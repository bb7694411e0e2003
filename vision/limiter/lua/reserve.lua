-- Reserve a list of calls.
-- Words besides: of each call the tokens it takes at most, the tokens it is likely to take, its images
-- Answer: the lane; then in one text for each call how far its place on the tokens' line lies beyond the last one before,
-- '-' for a call that can never fit. On the other lines every call that fits stands in turn.
local LARGE = 2  -- seconds of refill from which a call is large
local GUARD = 0.5  -- seconds before a large call's start in which nothing is taken any more: its process has to hear of it
local PATIENCE = 0.5  -- of its cost, by which a large call waits longer at most
local TRUST = 1  -- seconds of refill that an unknown bucket is thought to hold

local open = lane.open
while open[1] and open[1].place <= reached(tokens) do table.remove(open, 1) end

-- Out of turn, from what has gathered for a large call that waits.
local function fill(cost)
  local gap, line = open[1], reached(tokens)
  if not gap or gap.left < cost.tokens or gap.from + cost.tokens > line then return false end
  if gap.place - line < GUARD * tokens.rate or cost.tokens > LARGE * tokens.rate then return false end
  for _, b in ipairs(buckets) do
    if b ~= tokens and b.spent + cost[b.kind] > b.line then return false end
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
    -- Of an unknown bucket the first call is to find out what it holds; the others wait for the refill or its answer.
    if fresh then
      for _, b in ipairs(buckets) do b.line = math.max(b.line, cost[b.kind] - TRUST * b.rate) end
      fresh = false
    end
    local filled = fill(cost)
    for _, b in ipairs(buckets) do
      if not (filled and b == tokens) then b.spent = b.spent + cost[b.kind] end
    end
    if not filled and cost.tokens > LARGE * tokens.rate then
      open[#open + 1] = {from = tokens.spent - cost.tokens, place = tokens.spent, left = PATIENCE * cost.tokens}
    end
    offsets[#offsets + 1] = string.format('%.0f', (filled and open[1].from or tokens.spent) - start)
  end
end
save()
return {told(), table.concat(offsets, ' ')}
