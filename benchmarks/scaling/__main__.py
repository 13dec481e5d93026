"""Run `python -m benchmarks.scaling`."""

from benchmarks.scaling.command import main

main(prog_name="python -m benchmarks.scaling")
