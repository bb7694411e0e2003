-- Pauses a lane; a longer pause in force stays.
-- Own words: seconds ('-': not stated), whether the provider stated what is left (1 or 0), the tokens of the refused call by
-- our count, how many tokens were left if that was too few ('-': unknown), and the last token slot that the caller began.
-- Returns the lane.
local LONGEST = 60  -- seconds of a pause without a stated length, at most
local before = math.max(lane.paused, now)
local seconds = tonumber(words[rest])
if not seconds then
  -- Twice as long as the one before, until a call that began after it is answered.
  if lane.paused <= now then lane.grown = math.min(LONGEST, math.max(1, 2 * (lane.grown or 0))) end
  seconds = lane.grown or 1
  if lane.paused > now then seconds = lane.paused - now end
end
lane.paused = math.max(before, now + seconds)
local cost, left = tonumber(words[rest + 2]), tonumber(words[rest + 3])
local m = recall(tokens)
if same_frame then m.begun = math.max(m.begun, tonumber(words[rest + 4])) end
if not (left and stated_charge(left, cost, seconds)) then begin_slow_start(m.begun, cost * factor()) end
if words[rest + 1] == '0' then
  -- The call waits for the refill of this time, so nothing may gather during the pause.
  for _, b in ipairs(buckets) do
    if b.minute then b.supply = b.supply - (lane.paused - before) * b.rate end
  end
  local lowered = lane.lowered
  if not (lowered and lowered.till == before) then lane.lowered = {from = before} end
  lane.lowered.till = lane.paused
  refused()
end
remember()
save()
return report()
