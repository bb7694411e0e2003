"""One item through one step: claim, prepare, wait for its start, call, record."""
