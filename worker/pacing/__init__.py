"""When calls start: how much to claim, the wait for a start time, and what is told of calls that ended."""
