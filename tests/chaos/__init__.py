"""Fault tests: real processes, real signals, a real server. `python -m tests.chaos --help`."""
