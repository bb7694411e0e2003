-- End a lane's pause, whoever it was told by.
-- Answer: the lane.
lane.paused, lane.grown = 0, 0
save()
return told()
