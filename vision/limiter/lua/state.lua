-- Look at a lane.
-- Answer: the lane, its 429s, and the tokens that are kept for others.
return {told(), tonumber(redis.call('HGET', KEYS[1], 'throttled') or 0), math.floor(kept(recall(tokens)))}
