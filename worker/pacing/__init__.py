"""When calls start: how much to claim, waiting for start times, and settling calls that ended."""
