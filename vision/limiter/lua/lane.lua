-- What every script begins with: a lane's buckets, brought up to now.
-- KEYS[1] the lane · ARGV: one text of words: clock ('-' is Redis's own), the frame that the caller knows ('-' none), may
-- the provider tell higher limits (1 or 0), number of buckets, then of each: name, limit, window in seconds, the caller's
-- last `spent`; then the script's own
--
-- A bucket is a line that grows by the refill, and the places on it that are promised; `spent` is the last of them.
-- A call may start when the line, less what smaller calls took out of turn (`filled`), has reached the call's place.
-- A frame is the life of a lane in Redis: places of another frame mean nothing.
local MARGIN = 0.1  -- seconds of refill that stay with the provider
local KEPT = 172800  -- seconds after which a lane that nobody uses is forgotten
local REPEATED, MISSING = 3600, 300  -- seconds for which a told limit holds: unrepeated; while answers come without it
local words = {}
for word in string.gmatch(ARGV[1], '%S+') do words[#words + 1] = word end
local now = tonumber(words[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end

local lane = redis.call('HGET', KEYS[1], 'lane')
lane = lane and cmsgpack.unpack(lane) or {frame = string.format('%.6f', now), at = now, mode = 'max', known = false,
  paused = 0, filled = 0, open = {}, kept = 0, line = {}, spent = {}, told = {}}
local same_frame = words[2] == lane.frame
local elapsed = math.max(0, now - lane.at)  -- a clock that was set back refills nothing
lane.at = now

-- The limit in force where one was told: that, unless it was told long ago or for another configured limit.
local function in_force(name, limit, told)
  if told.of ~= limit or now - told.at > REPEATED or told.missing and now - told.missing > MISSING then
    lane.told[name] = nil
    return limit
  end
  return (told.limit < limit or words[3] == '1') and told.limit or limit
end

local buckets, tokens = {}, nil
local rest = 5 + 4 * words[4]  -- where a script's own words begin
for i = 5, rest - 1, 4 do
  local name, limit, window = words[i], tonumber(words[i + 1]), tonumber(words[i + 2])
  local b = {name = name, kind = string.match(name, '^%a+'), minute = window == 60}
  local told = lane.told[name]
  b.limit = told and in_force(name, limit, told) or limit
  b.rate = b.limit / window
  b.cap = math.max(1, b.limit - MARGIN * b.rate)
  -- Nothing is known of a new bucket. A minute's fills soon; a day's would not, and is taken to be full.
  b.line = (lane.line[name] or (b.minute and 0 or b.cap)) + elapsed * b.rate
  -- What Redis forgot in a restart the caller still knows.
  b.spent = math.max(lane.spent[name] or 0, same_frame and tonumber(words[i + 3]) or 0)
  if name == 'tokens' then tokens = b end
  buckets[#buckets + 1] = b
end

-- How far a bucket's line has come for calls that wait, and for how much of it they may start: a part is kept back while
-- nobody knows what is charged (`unsure`), and comes bit by bit once that is known.
local HALF = 0.5  -- seconds in which half of that part comes
local function reached(b) return b == tokens and b.line - lane.filled or b.line end
local function allowed(b)
  if b ~= tokens or not lane.unsure then return reached(b) end
  return reached(b) - lane.unsure * 0.5 ^ (lane.sure and (now - lane.sure) / HALF or 0)
end

-- A full bucket takes no more.
local function level_off()
  for _, b in ipairs(buckets) do b.spent = math.max(b.spent, reached(b) - b.cap) end
end

local function save()
  for _, b in ipairs(buckets) do lane.line[b.name], lane.spent[b.name] = b.line, b.spent end
  local lasts = now - lane.kept < 3600
  if not lasts then lane.kept = now end
  redis.call('HSET', KEYS[1], 'lane', cmsgpack.pack(lane))
  if not lasts then redis.call('EXPIRE', KEYS[1], KEPT) end
end

-- The lane in one text: frame, now, mode, what is known (0 nothing, 1 its level, 2 also what it charges), until when it is
-- paused, filled, what it charges for a token of ours, the place on the tokens' line behind which nobody may start (-1
-- none); then of each bucket line, spent, rate.
local function told()
  local known = lane.known and (lane.sure and 2 or 1) or 0
  local hold = lane.careful and string.format('%.17g', lane.careful.place) or '-1'
  local parts = {string.format('%s %.6f %s %d %.6f %.17g %s %s', lane.frame, now, lane.mode, known, lane.paused,
    lane.filled, lane.factor or 1, hold)}
  for _, b in ipairs(buckets) do
    parts[#parts + 1] = string.format('%.17g %.17g %.17g', allowed(b), b.spent, b.rate)
  end
  return table.concat(parts, ' ')
end

level_off()
