"""Figures of the running service on this machine, each beside its goal: `python -m benchmarks [name …]`."""
