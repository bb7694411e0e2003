-- Reserve a list of calls.
-- ARGV besides: of each call the tokens it takes at most, the tokens it is likely to take, its images
-- Answer: the lane, then for each call how far its place on the tokens' line lies beyond the last one before;
-- nil for a call that can never fit. On the other lines every call that fits stands in turn.
local LARGE, GUARD, PATIENCE, TRUST = 2, 0.5, 0.5, 1

local open, changed = redis.call('HGET', KEYS[1], 'gaps'), false
open = open and cmsgpack.unpack(open) or {}
while open[1] and open[1].place <= tokens.line - tokens.filled do
  table.remove(open, 1)
  changed = true
end

-- Out of turn, from what has gathered for a large call that waits: it waits longer for that, by half its cost at most.
-- Not shortly before it starts, because its process has to hear of it.
local function fill(cost)
  local gap, line = open[1], tokens.line - tokens.filled
  if not gap or gap.left < cost.tokens or gap.from + cost.tokens > line then return false end
  if gap.place - line < GUARD * tokens.rate or cost.tokens > LARGE * tokens.rate then return false end
  for _, b in ipairs(buckets) do
    if b ~= tokens and b.spent + cost[b.kind] > b.line then return false end
  end
  gap.left, tokens.filled, changed = gap.left - cost.tokens, tokens.filled + cost.tokens, true
  return true
end

local answer, start = {''}, tokens.spent
local fresh = not lane.known and tokens.spent == 0
for i = rest, #ARGV, 3 do
  local most, images = tonumber(ARGV[i]), tonumber(ARGV[i + 2])
  local cost = {tokens = lane.mode == 'max' and most or tonumber(ARGV[i + 1]), requests = 1, images = images}
  local fits = true
  for _, b in ipairs(buckets) do fits = fits and (b.kind == 'tokens' and most or cost[b.kind]) <= b.limit end
  if not fits then
    answer[#answer + 1] = false
  else
    -- Of an unknown bucket the first call is to find out what it holds, within TRUST; the others wait for its answer.
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
      changed = true
    end
    answer[#answer + 1] = math.floor((filled and open[1].from or tokens.spent) - start + 0.5)
  end
end
if changed then save('filled', number(tokens.filled), 'gaps', cmsgpack.pack(open)) else save() end
answer[1] = told()
return answer
