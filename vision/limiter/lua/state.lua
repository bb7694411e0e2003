-- Reads a lane.
-- Returns the lane, its count of 429s, and the tokens left to other users of the key.
return {report(), tonumber(redis.call('HGET', KEYS[1], 'throttled') or 0), math.floor(kept(recall(tokens)))}
