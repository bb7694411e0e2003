-- Other users of the key: what is missing in a bucket and was not taken by our calls was taken by them.
-- `run` is what they took during the delay of one answer, `burst` the highest run plus a quarter, `before` that of earlier
-- bursts. What was seen twice is left to them (`kept`). It fades to nothing while nothing is missing.
local HALVES = 30  -- seconds in which `kept` halves
local MOST = 0.125  -- part of the bucket that is left to others, at most
local SOON = 0.2  -- the shortest delay of an answer, in seconds

local function fade(b, m)
  local others = m.others
  if not others then return end
  local passed = math.max(0, now - others.at)
  others.at = now
  others.run = others.run * math.exp(-passed / math.max(SOON, memory.age or 0))
  others.kept = others.kept * 0.5 ^ (passed / HALVES)
  others.before = others.before * 0.5 ^ (passed / HALVES)
  if others.kept < MARGIN * b.rate / 2 then others.kept = 0 end
  if others.kept == 0 and now - others.burst_at > 4 * HALVES then m.others = nil end
end

local function kept(m) return m.others and m.others.kept or 0 end

-- `emptied`: the bucket was empty, so others may want more than they took.
local function missed(b, m, amount, emptied)
  local others = m.others or {at = now, run = 0, burst = 0, burst_at = now, before = 0, kept = 0}
  m.others = others
  others.run = others.run + amount
  if others.run <= (emptied and 0.5 or 1) * MARGIN * b.rate then return end
  if now - others.burst_at > math.max(SOON, memory.age or 0) then
    others.before, others.burst, others.burst_at = math.max(others.burst, others.before), 0, now
  end
  others.burst = math.max(others.burst, (emptied and 2 or 1.25) * others.run)
  local seen = others.kept > 0 and others.burst or math.min(others.before, others.burst)
  others.kept = math.min(MOST * b.cap, math.max(others.kept, seen))
end
