-- Stop a lane for a while; a longer pause in force stays.
-- KEYS[1] the lane · ARGV: seconds
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local paused_until = math.max(tonumber(redis.call('HGET', KEYS[1], 'paused_until')) or 0, now + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'paused_until', string.format('%.6f', paused_until))
redis.call('EXPIRE', KEYS[1], 86400)
return redis.status_reply('OK')
