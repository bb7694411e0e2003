-- End a lane's pause, whoever it was told by.
-- Answer: the lane.
lane.paused, lane.grown, lane.careful = 0, 0, nil
save()
return told()
