-- What was learned about a lane, apart from what reservations need. Of each bucket, in order of use:
-- `begun` the last slot that was begun · `seen` observations of how much more the provider has, the last one at `seen_at` ·
-- `old`, `new`, `lead`, `all`, `large`, `begun_*` which instant its headers are about · `had*` how much more it had at most ·
-- `others` what other users of the key take of that, nil for nothing ·
-- `confirmed`, `unconfirmed`, `wrong`, `decided_at` whether the most that a call may use is charged
local memory = redis.call('HGET', KEYS[1], 'memory')
memory = memory and cmsgpack.unpack(memory) or {}

local function recall(b)
  local m = memory[b.name] or {begun = 0, seen = {}, seen_at = 0, lead = 0, all = 0, large = 0,
    begun_before = 0, begun_next = 0, begun_at = now,
    decided_at = now, confirmed = 0, unconfirmed = 0, wrong = 0}
  memory[b.name] = m
  return m
end

local function remember() redis.call('HSET', KEYS[1], 'memory', cmsgpack.pack(memory)) end

-- Raises or lowers a bucket's supply; earlier observations are adjusted to it.
local function shift(b, m, amount)
  b.supply = b.supply + amount
  if m.old then m.old, m.new = m.old - amount, m.new - amount end
  if m.had then m.had, m.had_before = m.had - amount, m.had_before - amount end
  for i, seen in ipairs(m.seen) do m.seen[i] = seen - amount end
  if b == tokens and memory.from then memory.from.more = memory.from.more - amount end
end
