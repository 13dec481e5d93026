"""Runs a command and starts it anew when a file in a directory changes: reload.py DIRECTORY… -- COMMAND…

Only the development image has it. It asks the old process to stop by SIGTERM, as everywhere else; watchfiles' own
command sends SIGINT, on which gunicorn cuts off the requests under way.
"""

import signal
import subprocess
import sys
import threading

import watchfiles


def main() -> None:
    end_of_directories = sys.argv.index("--")
    directories, command = sys.argv[1:end_of_directories], sys.argv[end_of_directories + 1 :]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    process = subprocess.Popen(command)  # noqa: S603 - the image's own command
    for changes in watchfiles.watch(*directories, stop_event=stop, debounce=400):
        paths = sorted(path for _, path in changes)
        print(f"Starting anew: {paths[0]} changed, {len(paths)} in all", file=sys.stderr)  # noqa: T201
        end(process)
        process = subprocess.Popen(command)  # noqa: S603
    end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait()


if __name__ == "__main__":
    main()
