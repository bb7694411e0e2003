-- Concurrency slots: calls in flight on a lane, over all processes.
-- KEYS[1] the lane's calls in flight, by process · ARGV: one text of words: clock ('-': Redis's own), the process, its calls
-- in flight, how many more it wants to start, the lane's limit, seconds after which a silent process counts as dead.
-- Returns how many of the wanted calls may start, and how many calls this process may have in flight: the whole limit
-- unless another process waits for a slot.
local words = {}
for word in string.gmatch(ARGV[1], '%S+') do words[#words + 1] = word end
local now = tonumber(words[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local me, held, wanted, most = words[2], tonumber(words[3]), tonumber(words[4]), tonumber(words[5])

local others, busy, short = 0, 1, false
local every = redis.call('HGETALL', KEYS[1])
for i = 1, #every, 2 do
  local count, lacks, till = string.match(every[i + 1], '(%S+) (%S+) (%S+)')
  if tonumber(till) < now then
    redis.call('HDEL', KEYS[1], every[i])
  elseif every[i] ~= me then
    others, busy, short = others + tonumber(count), busy + 1, short or tonumber(lacks) > 0
  end
end

local part = short and math.ceil(most / busy) or most
local granted = math.max(0, math.min(wanted, most - others - held, part - held))
if held + wanted > 0 then
  local till = string.format('%.6f', now + tonumber(words[6]))
  redis.call('HSET', KEYS[1], me, (held + granted) .. ' ' .. (wanted - granted) .. ' ' .. till)
  redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(words[6])))
else
  redis.call('HDEL', KEYS[1], me)
end
return {granted, part}
