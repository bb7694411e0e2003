-- What every script begins with: a lane's buckets, brought up to now.
-- KEYS[1] the lane · ARGV: clock ('' is Redis's own), the frame that the caller knows ('' none), may the provider tell
-- higher limits (1 or 0), number of buckets, then of each: name, limit, window in seconds, the caller's last `spent`
--
-- A bucket is a line that grows by the refill, and the places on it that are promised; `spent` is the last of them.
-- A call may start when the line, less what smaller calls took out of turn (`filled`), has reached the call's place.
-- A frame is the life of a lane in Redis: places of another frame mean nothing.
local MARGIN = 0.1  -- seconds of refill that stay with the provider
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end

local rest = 5 + 4 * ARGV[4]  -- where a script's own arguments begin
local names = {'frame', 'at', 'mode', 'known', 'paused', 'filled'}
for i = 5, rest - 1, 4 do
  for _, part in ipairs({'.line', '.spent', '.told'}) do names[#names + 1] = ARGV[i] .. part end
end
local stored = redis.call('HMGET', KEYS[1], unpack(names))
local lane = {
  frame = stored[1] or string.format('%.6f', now),
  mode = stored[3] or 'max',
  known = stored[4] == '1',
  paused = tonumber(stored[5]) or 0,
}
local same_frame = ARGV[2] == lane.frame
local elapsed = math.max(0, now - (tonumber(stored[2]) or now))  -- a clock that was set back refills nothing

local buckets, tokens = {}, nil
for i = 5, rest - 1, 4 do
  local at = 7 + (i - 5) / 4 * 3
  local b = {name = ARGV[i], kind = string.match(ARGV[i], '^%a+'), filled = 0}
  local limit, window, told = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(stored[at + 2])
  b.limit = told and (told < limit or ARGV[3] == '1') and told or limit
  b.rate = b.limit / window
  b.cap = math.max(1, b.limit - MARGIN * b.rate)
  b.minute = window == 60
  -- Nothing is known of a new bucket. A minute's fills soon; a day's would not, and is taken to be full.
  b.line = (tonumber(stored[at]) or (b.minute and 0 or b.cap)) + elapsed * b.rate
  -- What Redis forgot in a restart the caller still knows.
  b.spent = math.max(tonumber(stored[at + 1]) or 0, same_frame and tonumber(ARGV[i + 3]) or 0)
  if b.name == 'tokens' then b.filled, tokens = tonumber(stored[6]) or 0, b end
  buckets[#buckets + 1] = b
end

-- A full bucket takes no more.
local function level_off()
  for _, b in ipairs(buckets) do b.spent = math.max(b.spent, b.line - b.filled - b.cap) end
end

local function number(value) return string.format('%.17g', value) end

local function save(...)
  local fields = {'frame', lane.frame, 'at', number(now), 'mode', lane.mode, 'known', lane.known and '1' or '0', ...}
  for _, b in ipairs(buckets) do
    fields[#fields + 1], fields[#fields + 2] = b.name .. '.line', number(b.line)
    fields[#fields + 1], fields[#fields + 2] = b.name .. '.spent', number(b.spent)
  end
  redis.call('HSET', KEYS[1], unpack(fields))
  redis.call('EXPIRE', KEYS[1], 172800)
end

-- The lane in one string: frame, now, mode, whether its level is known, until when it is paused, filled; then of each
-- bucket line, spent, rate.
local function told()
  local words = {lane.frame, number(now), lane.mode, lane.known and 1 or 0, number(lane.paused), number(tokens.filled)}
  for _, b in ipairs(buckets) do
    words[#words + 1] = number(b.line - b.filled) .. ' ' .. number(b.spent) .. ' ' .. number(b.rate)
  end
  return table.concat(words, ' ')
end

level_off()
