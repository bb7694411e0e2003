-- What others take of a bucket, seen by what is missing there that none of our calls explains.
-- `run` is what they took within the time that passes until we hear of it, `burst` the most of that and a quarter, `before`
-- that of earlier bursts: what was seen again is kept for them (`kept`), so much more stays with the provider. It fades
-- while nothing is missing, to nothing.
local HALVES = 30  -- seconds in which `kept` halves
local MOST = 0.125  -- of the bucket that is kept for others
local SOON = 0.2  -- seconds until we hear of anything, at least

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

-- `emptied`: the bucket had no more, so that they may want more than they took.
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
