-- The beginning of every script: reads a lane's buckets and refills them up to now.
-- KEYS[1] the lane · ARGV: one text of words: clock ('-': Redis's own), the frame that the caller knows ('-': none), whether
-- the provider may state higher limits (1 or 0), number of buckets; of each bucket its name, limit, window in seconds and
-- the caller's last `spent`; then the script's own words.
--
-- A bucket counts from the beginning of its frame: `supply`, how much has been refilled so far, and `spent`, how much has
-- been reserved. A call's slot is `spent` after its own reservation. It may start when the supply, less what smaller calls
-- took out of turn (`filled`), has reached its slot.
-- A frame is the life of a lane in Redis: slots of another frame mean nothing.
local MARGIN = 0.1  -- seconds of refill that we leave to the provider
local KEPT = 172800  -- seconds after which an unused lane is forgotten
local REPEATED, MISSING = 3600, 300  -- seconds that a stated limit holds: unrepeated; while answers come without it
local words = {}
for word in string.gmatch(ARGV[1], '%S+') do words[#words + 1] = word end
local now = tonumber(words[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end

local lane = redis.call('HGET', KEYS[1], 'lane')
lane = lane and cmsgpack.unpack(lane) or {frame = string.format('%.6f', now), at = now, mode = 'max', known = false,
  paused = 0, filled = 0, open = {}, kept = 0, supply = {}, spent = {}, stated = {}}
local same_frame = words[2] == lane.frame
local elapsed = math.max(0, now - lane.at)  -- a clock that was set back refills nothing
lane.at = now

-- The limit in force: the stated one, unless it is old or was stated while another limit was configured.
local function in_force(name, limit, stated)
  if stated.of ~= limit or now - stated.at > REPEATED or stated.missing and now - stated.missing > MISSING then
    lane.stated[name] = nil
    return limit
  end
  return (stated.limit < limit or words[3] == '1') and stated.limit or limit
end

local buckets, tokens = {}, nil
local rest = 5 + 4 * words[4]  -- where a script's own words begin
for i = 5, rest - 1, 4 do
  local name, limit, window = words[i], tonumber(words[i + 1]), tonumber(words[i + 2])
  local b = {name = name, kind = string.match(name, '^%a+'), minute = window == 60}
  local stated = lane.stated[name]
  b.limit = stated and in_force(name, limit, stated) or limit
  b.rate = b.limit / window
  b.cap = math.max(1, b.limit - MARGIN * b.rate)
  -- The level of a new bucket is unknown. One of a minute starts empty, for it fills soon; one of a day starts full.
  b.supply = (lane.supply[name] or (b.minute and 0 or b.cap)) + elapsed * b.rate
  -- After a restart Redis may have lost the last reservations, which the caller still knows.
  b.spent = math.max(lane.spent[name] or 0, same_frame and tonumber(words[i + 3]) or 0)
  if name == 'tokens' then tokens = b end
  buckets[#buckets + 1] = b
end

-- The supply that waiting calls have (`reached`), and the part of it on which they may start (`allowed`): some is held back
-- while it is not known what the provider charges (`unsure`), and is released step by step afterwards.
local HALF = 0.5  -- seconds in which half of the held-back part is released
local function reached(b) return b == tokens and b.supply - lane.filled or b.supply end
local function allowed(b)
  if b ~= tokens or not lane.unsure then return reached(b) end
  return reached(b) - lane.unsure * 0.5 ^ (lane.sure and (now - lane.sure) / HALF or 0)
end

-- A full bucket takes no more.
local function level_off()
  for _, b in ipairs(buckets) do b.spent = math.max(b.spent, reached(b) - b.cap) end
end

local function save()
  for _, b in ipairs(buckets) do lane.supply[b.name], lane.spent[b.name] = b.supply, b.spent end
  local lasts = now - lane.kept < 3600
  if not lasts then lane.kept = now end
  redis.call('HSET', KEYS[1], 'lane', cmsgpack.pack(lane))
  if not lasts then redis.call('EXPIRE', KEYS[1], KEPT) end
end

-- The lane as one text: frame, now, mode, what is known (0 nothing, 1 the level, 2 also what is charged), end of the pause,
-- filled, charge factor, the token slot after which no call may start (-1: none); then of each bucket supply, spent, rate.
local function report()
  local known = lane.known and (lane.sure and 2 or 1) or 0
  local hold = lane.slow_start and string.format('%.17g', lane.slow_start.slot) or '-1'
  local parts = {string.format('%s %.6f %s %d %.6f %.17g %s %s', lane.frame, now, lane.mode, known, lane.paused,
    lane.filled, lane.factor or 1, hold)}
  for _, b in ipairs(buckets) do
    parts[#parts + 1] = string.format('%.17g %.17g %.17g', allowed(b), b.spent, b.rate)
  end
  return table.concat(parts, ' ')
end

level_off()
