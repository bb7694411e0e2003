-- Stop a lane for a while; a longer pause in force stays.
-- Words besides: seconds ('-' nobody knows), whether the provider told what is left (1) or not (0), the tokens of the
-- refused call by our count, what was left of them if that was too little ('-' unknown), and the last place on the tokens'
-- line that the caller began
-- Answer: the lane.
local LONGEST = 60  -- seconds of a pause that nobody told
local before = math.max(lane.paused, now)
local seconds = tonumber(words[rest])
if not seconds then
  -- Each is twice as long as the one before, until a call that began after it is answered.
  if lane.paused <= now then lane.grown = math.min(LONGEST, math.max(1, 2 * (lane.grown or 0))) end
  seconds = lane.grown or 1
  if lane.paused > now then seconds = lane.paused - now end
end
lane.paused = math.max(before, now + seconds)
local cost, left = tonumber(words[rest + 2]), tonumber(words[rest + 3])
local m = recall(tokens)
if same_frame then m.begun = math.max(m.begun, tonumber(words[rest + 4])) end
if not (left and told_charge(left, cost, seconds)) then careful(m.begun, cost * factor()) end
if words[rest + 1] == '0' then
  -- All that is known is that it waits for the refill of this time: nothing gathers in it.
  for _, b in ipairs(buckets) do
    if b.minute then b.line = b.line - (lane.paused - before) * b.rate end
  end
  local lowered = lane.lowered
  if not (lowered and lowered.till == before) then lane.lowered = {from = before} end
  lane.lowered.till = lane.paused
  refused()
end
remember()
save()
return told()
