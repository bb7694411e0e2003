-- Stop a lane for a while; a longer pause in force stays.
-- Words besides: seconds, and whether the provider told what is left (1) or not (0)
-- Answer: the lane.
local before = math.max(lane.paused, now)
lane.paused = math.max(before, now + tonumber(words[rest]))
if words[rest + 1] == '0' then
  -- All that is known is that it waits for the refill of this time: nothing gathers in it.
  for _, b in ipairs(buckets) do
    if b.minute then b.line = b.line - (lane.paused - before) * b.rate end
  end
end
save()
return told()
