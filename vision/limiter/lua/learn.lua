-- What an answer teaches that told what was left (the words are those of settle.lua).
local SEEN, SLOT = 8, 0.1  -- the line is raised by the least of so many observations, each of so many seconds
local CLEAR = 0.6  -- of all wandering, by which the one has to wander more than the other
local DOUBT = 2  -- seconds after which the mode is weighed, if there is enough to weigh
local share, largest, spare = tonumber(words[rest + 3]), tonumber(words[rest + 4]), tonumber(words[rest + 5])
local age, where = tonumber(words[rest + 7]), tonumber(words[rest + 8])
if age then memory.age = memory.age and 0.9 * memory.age + 0.1 * age or age end

-- What we think is left with the provider now, at least and at most: of calls that wait, some may just have begun.
local function level(b, m)
  local free = reached(b) - b.spent
  if free >= 0 then return free, free end
  return 0, math.max(0, math.min(b.cap, reached(b) - m.begun))
end

local function pay(m, amount)
  local paid = math.min(m.unpaid, lane.mode == 'max' and amount or -amount)
  if paid > 0 then m.paid, m.unpaid = m.paid + paid, m.unpaid - paid end
end

-- How much more the provider has than we think. It may speak of the instant when it let the call in, then that is `old`,
-- or of that when it answered, then it is `new`, less a call that was on its way just then. It speaks of the first if
-- `old` stays while `new` wanders; until that is clear the lower one counts.
local function surplus(m, old, new)
  local by_old, by_new = math.abs(old - (m.old or old)), math.abs(new - (m.new or new))
  m.lead, m.all = 0.9 * m.lead + by_new - by_old, 0.9 * m.all + by_new + by_old
  m.old, m.new = old, new
  if m.lead > CLEAR * m.all then return old end
  return math.min(old, new) - (m.begun == m.begun_before and 0 or m.large)
end

-- Where the call stood of which the headers speak, how much more was left then than we think, and by how many seconds
-- that may be mistaken as long as it is not clear of which instant they speak.
local function spoken_of(m, where)
  if m.lead < -CLEAR * m.all then return m.begun, m.new, true, 0 end
  return where, m.old, false, m.lead > CLEAR * m.all and 0 or memory.age or 0
end

local function raise(b, m, more, margin)
  if #m.seen > 0 and now - m.slot < SLOT then
    m.seen[#m.seen] = math.min(m.seen[#m.seen], more)
  else
    m.seen[#m.seen + 1], m.slot = more, now
  end
  if #m.seen > SEEN then table.remove(m.seen, 1) end
  local sure = math.min(unpack(m.seen))
  if #m.seen == SEEN and sure > margin and share == 1 then
    if lane.sure then pay(m, sure - margin) end
    shift(b, m, sure - margin)
  end
end

local function compare(b, m, left, past, above)
  local margin = MARGIN * b.rate + kept(m)
  local near = margin - MARGIN * b.rate / 2
  local least, most = level(b, m)
  local more = surplus(m, past - b.line, left - most)
  -- What is left is told in whole numbers: there may be nearly one more.
  local at_most = math.max(m.old, left - least) + 1
  local had = m.had and math.max(near, math.min(m.had, m.had_before)) or near
  m.had_before, m.had = m.had or at_most, at_most
  if not lane.known and more > margin then
    local first = math.min(more, share * left - most) - margin
    b.line = b.line + (above and math.min(first, b.cap) or first)
    -- Just what the first call takes, or what it used, is missing in a full bucket: then that is what is charged.
    local missing = b.limit - left
    local as_counted = math.min(math.abs(missing - largest) / largest, math.abs(missing / (largest - spare) - 1))
    if b == tokens and as_counted <= EXACT then lane.sure = now end
  elseif b == tokens and where and not above and measure(spoken_of(m, where)) then
    m.others = nil  -- what seemed to be missing was charged for our own calls
  elseif at_most < near then
    -- What calls of these answers may have used less is no more than that; the rest is others'.
    if near - at_most <= 2 * spare * factor() then pay(m, at_most - near) end
    missed(b, m, had - at_most, left < MARGIN * b.rate / 2)
    shift(b, m, at_most - MARGIN * b.rate / 2 - kept(m))
  elseif lane.known and not above then
    raise(b, m, more, margin)
  end
end

-- Does the provider charge the most that a call may use, or what it did use? Taken for the first, the line has to be
-- raised by what calls did not use (taken for the second, lowered), again and again: that is `paid`, the rest `unpaid`.
-- Once may have other causes: a process that died gives back much at a time.
local function weigh(m)
  m.unpaid = m.unpaid + spare * factor()
  if now - m.weighed < DOUBT or m.paid + m.unpaid < tokens.rate then return end
  m.weighed = now
  if m.paid <= m.unpaid then
    m.paid, m.unpaid, m.wrong = m.paid / 2, m.unpaid / 2, 0
    return
  end
  m.paid, m.unpaid, m.wrong = 0, 0, m.wrong + 1
  if m.wrong == 2 then lane.mode, m.wrong = lane.mode == 'max' and 'usage' or 'max', 0 end
end

local function learn(b, m, at)
  local left, past, reach, gate = tonumber(words[at]), tonumber(words[at + 1]), tonumber(words[at + 2]), tonumber(words[at + 3])
  m.large = math.max(b.kind == 'tokens' and largest or 1, 0.95 * m.large)
  fade(b, m)
  -- Where the provider's limit is above the configured one, what it has left beyond our bucket is not ours.
  local stated = tonumber(words[at - 1])
  local above = stated and stated > b.limit and words[3] ~= '1'
  if left then compare(b, m, left, past, above) end
  -- Whatever happened since, the provider cannot have more than this.
  local free = reached(b) - b.spent
  if free > reach then
    pay(m, reach - free)
    shift(b, m, reach - free)
  end
  if above then
    b.line = math.min(b.line, b.spent + b.cap + (b == tokens and lane.filled or 0))
    if b == tokens then lane.sure = lane.sure or now end
  end
  -- Until it is known what is charged only a part of that may be used.
  if b == tokens and lane.sure and now - lane.sure > 10 * HALF then lane.unsure = nil end
  if b == tokens and gate and not lane.sure then lane.unsure = math.max(0, b.line - gate) end
end
