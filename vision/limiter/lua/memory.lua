-- What a lane has been taught, beside what a reservation needs. Of each bucket, in order of use:
-- `begun` the last place that was begun · `seen` observations of how much more the provider has, the last one since `slot` ·
-- `old`, `new`, `lead`, `all`, `large` and `begun_*` which instant its headers tell of · `had*` how much more it had at most,
-- `others` what others take of that, nil for nothing ·
-- `paid`, `unpaid`, `wrong`, `weighed` whether the most that a call may use is charged
local memory = redis.call('HGET', KEYS[1], 'memory')
memory = memory and cmsgpack.unpack(memory) or {}

local function recall(b)
  local m = memory[b.name] or {begun = 0, seen = {}, slot = 0, lead = 0, all = 0, large = 0,
    begun_before = 0, begun_next = 0, begun_at = now,
    weighed = now, paid = 0, unpaid = 0, wrong = 0}
  memory[b.name] = m
  return m
end

local function remember() redis.call('HSET', KEYS[1], 'memory', cmsgpack.pack(memory)) end

-- Move a bucket's line; what was observed before is told from where it is now.
local function shift(b, m, amount)
  b.line = b.line + amount
  if m.old then m.old, m.new = m.old - amount, m.new - amount end
  if m.had then m.had, m.had_before = m.had - amount, m.had_before - amount end
  for i, seen in ipairs(m.seen) do m.seen[i] = seen - amount end
  if b == tokens and memory.from then memory.from.more = memory.from.more - amount end
end
