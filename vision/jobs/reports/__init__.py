"""What is read of jobs and their items, and figures computed from it."""
