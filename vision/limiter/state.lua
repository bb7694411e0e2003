-- Look at a lane.
-- Answer: the lane, and its 429s.
return {told(), tonumber(redis.call('HGET', KEYS[1], 'throttled') or 0)}
