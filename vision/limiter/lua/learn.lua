-- Learns from answers that stated what was left (for the words see settle.lua).
local SEEN, SEEN_EVERY = 8, 0.1  -- observations before the supply is raised, by the least of them; seconds of each
local CLEAR = 0.6  -- by which part of all variation the one has to vary more than the other
local DECIDE_EVERY = 2  -- seconds between two decisions about the mode
local share, largest, spare = tonumber(words[rest + 3]), tonumber(words[rest + 4]), tonumber(words[rest + 5])
local age, least_slot = tonumber(words[rest + 7]), tonumber(words[rest + 8])
if age then memory.age = memory.age and 0.9 * memory.age + 0.1 * age or age end

-- What we think is left with the provider now, at least and at most: some of the waiting calls may just have begun.
local function level(b, m)
  local free = reached(b) - b.spent
  if free >= 0 then return free, free end
  return 0, math.max(0, math.min(b.cap, reached(b) - m.begun))
end

local function confirm(m, amount)
  local confirmed = math.min(m.unconfirmed, lane.mode == 'max' and amount or -amount)
  if confirmed > 0 then m.confirmed, m.unconfirmed = m.confirmed + confirmed, m.unconfirmed - confirmed end
end

-- How much more the provider has than we think. Its header may state the level at admission (then that is `old`) or at the
-- answer (then it is `new`, less a call that was on its way). It is the first if `old` is steady while `new` varies; until
-- that is clear the lower one counts.
local function surplus(m, old, new)
  local by_old, by_new = math.abs(old - (m.old or old)), math.abs(new - (m.new or new))
  m.lead, m.all = 0.9 * m.lead + by_new - by_old, 0.9 * m.all + by_new + by_old
  m.old, m.new = old, new
  if m.lead > CLEAR * m.all then return old end
  return math.min(old, new) - (m.begun == m.begun_before and 0 or m.large)
end

-- The slot of the call that the header is about, how much more was left then than we think, whether it is about the answer,
-- and by how many seconds that may be wrong while the instant is not clear.
local function header_instant(m, least_slot)
  if m.lead < -CLEAR * m.all then return m.begun, m.new, true, 0 end
  return least_slot, m.old, false, m.lead > CLEAR * m.all and 0 or memory.age or 0
end

local function raise(b, m, more, margin)
  if #m.seen > 0 and now - m.seen_at < SEEN_EVERY then
    m.seen[#m.seen] = math.min(m.seen[#m.seen], more)
  else
    m.seen[#m.seen + 1], m.seen_at = more, now
  end
  if #m.seen > SEEN then table.remove(m.seen, 1) end
  local sure = math.min(unpack(m.seen))
  if #m.seen == SEEN and sure > margin and share == 1 then
    if lane.sure then confirm(m, sure - margin) end
    shift(b, m, sure - margin)
  end
end

local function compare(b, m, left, past, above)
  local margin = MARGIN * b.rate + kept(m)
  local near = margin - MARGIN * b.rate / 2
  local least, most = level(b, m)
  local more = surplus(m, past - b.supply, left - most)
  -- Headers round down to whole numbers: there may be nearly one more.
  local at_most = math.max(m.old, left - least) + 1
  local had = m.had and math.max(near, math.min(m.had, m.had_before)) or near
  m.had_before, m.had = m.had or at_most, at_most
  if not lane.known and more > margin then
    local first = math.min(more, share * left - most) - margin
    b.supply = b.supply + (above and math.min(first, b.cap) or first)
    -- A full bucket lacks just what the first call reserved, or what it used: then we know what is charged.
    local missing = b.limit - left
    local as_counted = math.min(math.abs(missing - largest) / largest, math.abs(missing / (largest - spare) - 1))
    if b == tokens and as_counted <= EXACT then lane.sure = now end
  elseif b == tokens and least_slot and not above and measure(header_instant(m, least_slot)) then
    m.others = nil  -- what seemed to be taken by others was charged for our own calls
  elseif at_most < near then
    -- These calls can have used this much less than reserved; what is missing beyond it was taken by others.
    if near - at_most <= 2 * spare * factor() then confirm(m, at_most - near) end
    missed(b, m, had - at_most, left < MARGIN * b.rate / 2)
    shift(b, m, at_most - MARGIN * b.rate / 2 - kept(m))
  elseif lane.known and not above then
    raise(b, m, more, margin)
  end
end

-- Decides the mode: does the provider charge the most that a call may use ('max'), or what it used ('usage')? If the mode is
-- wrong, the supply has to be raised ('max') or lowered ('usage') again and again by what calls did not use. That part is
-- `confirmed`, the rest `unconfirmed`. Two findings are needed: a dead process, too, gives back much at a time.
local function decide_mode(m)
  m.unconfirmed = m.unconfirmed + spare * factor()
  if now - m.decided_at < DECIDE_EVERY or m.confirmed + m.unconfirmed < tokens.rate then return end
  m.decided_at = now
  if m.confirmed <= m.unconfirmed then
    m.confirmed, m.unconfirmed, m.wrong = m.confirmed / 2, m.unconfirmed / 2, 0
    return
  end
  m.confirmed, m.unconfirmed, m.wrong = 0, 0, m.wrong + 1
  if m.wrong == 2 then lane.mode, m.wrong = lane.mode == 'max' and 'usage' or 'max', 0 end
end

local function learn(b, m, at)
  local left, past, reach, gate = tonumber(words[at]), tonumber(words[at + 1]), tonumber(words[at + 2]), tonumber(words[at + 3])
  m.large = math.max(b.kind == 'tokens' and largest or 1, 0.95 * m.large)
  fade(b, m)
  -- Where the provider's limit is above the configured one, what it has beyond our bucket is not ours.
  local stated = tonumber(words[at - 1])
  local above = stated and stated > b.limit and words[3] ~= '1'
  if left then compare(b, m, left, past, above) end
  -- The provider cannot have more than this, whatever happened since.
  local free = reached(b) - b.spent
  if free > reach then
    confirm(m, reach - free)
    shift(b, m, reach - free)
  end
  if above then
    b.supply = math.min(b.supply, b.spent + b.cap + (b == tokens and lane.filled or 0))
    if b == tokens then lane.sure = lane.sure or now end
  end
  -- While it is not known what is charged, only a part of the supply may be used.
  if b == tokens and lane.sure and now - lane.sure > 10 * HALF then lane.unsure = nil end
  if b == tokens and gate and not lane.sure then lane.unsure = math.max(0, b.supply - gate) end
end
