-- End a lane's pause, whoever it was told by.
-- Answer: the lane.
local lowered = lane.lowered
for _, b in ipairs(buckets) do
  -- What was not to gather in the rest of the pause.
  if lowered and b.minute then b.line = b.line + math.max(0, lowered.till - math.max(now, lowered.from)) * b.rate end
end
lane.paused, lane.grown, lane.careful, lane.lowered = 0, nil, nil, nil
save()
return told()
