"""`python -m benchmarks.scaling`: how the cost of a call and of a task grows."""
