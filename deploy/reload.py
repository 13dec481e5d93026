"""Run a command, and restart it when a file changes: reload.py DIRECTORY… -- COMMAND…

Only the development image has it. It stops the old process by SIGTERM. The command of watchfiles
sends SIGINT, on which gunicorn aborts the requests in progress.
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
        print(f"Restarting: {paths[0]} changed, {len(paths)} files in all", file=sys.stderr)  # noqa: T201
        end(process)
        process = subprocess.Popen(command)  # noqa: S603
    end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait()


if __name__ == "__main__":
    main()
