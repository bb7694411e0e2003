"""Measures the running service on this machine and compares figures with goals: `python -m benchmarks [name …]`."""
