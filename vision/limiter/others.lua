-- What others take of a bucket, seen by what is missing there that none of our calls explains.
-- `run` is what they took within the time that passes until we hear of it, `burst` the most of that and a quarter, `before`
-- that of earlier bursts: what was seen again is kept for them (`others`), so much more stays with the provider. It fades
-- while nothing is missing, to nothing.
local HALVES = 30  -- seconds in which `others` halves
local MOST = 0.125  -- of the bucket that is kept for others
local SOON = 0.2  -- seconds until we hear of anything, at least

local function fade(b, m)
  if m.run > 0 or m.others > 0 then
    local passed = math.max(0, now - m.faded)
    m.run = m.run * math.exp(-passed / math.max(SOON, memory.age or 0))
    m.others = m.others * 0.5 ^ (passed / HALVES)
    if m.run < 1 then m.run = 0 end
    if m.others < MARGIN * b.rate / 2 then m.others = 0 end
  end
  m.faded = now
end

-- `emptied`: the bucket had no more, so that they may want more than they took.
local function missed(b, m, amount, emptied)
  m.run = m.run + amount
  if m.run <= (emptied and 0.5 or 1) * MARGIN * b.rate then return end
  if now - m.burst_at > math.max(SOON, memory.age or 0) then
    local faded = m.before * 0.5 ^ ((now - m.burst_at) / HALVES)
    m.before, m.burst, m.burst_at = math.max(m.burst, faded), 0, now
  end
  m.burst = math.max(m.burst, (emptied and 2 or 1.25) * m.run)
  local seen = m.others > 0 and m.burst or math.min(m.before, m.burst)
  m.others = math.min(MOST * b.cap, math.max(m.others, seen))
end
