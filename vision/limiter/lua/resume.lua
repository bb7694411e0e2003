-- Ends a lane's pause, whoever asked for it.
-- Returns the lane.
local lowered = lane.lowered
for _, b in ipairs(buckets) do
  -- The refill of the rest of the pause, which was taken away when it began.
  if lowered and b.minute then b.supply = b.supply + math.max(0, lowered.till - math.max(now, lowered.from)) * b.rate end
end
lane.paused, lane.grown, lane.slow_start, lane.lowered = 0, nil, nil, nil
save()
return report()
