"""`python -m benchmarks.peers.submit huey_app 1000` submits empty tasks to one of the peers."""

import sys
from importlib import import_module

if __name__ == "__main__":
    import_module(f"benchmarks.peers.{sys.argv[1]}").submit(int(sys.argv[2]))
