"""Make directories and files readable by their owner alone."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


def make_private(directory: Path) -> None:
    """Create a private directory, or make an existing one private. Raises OSError.

    Parents that it creates are private, too: a user who may write to a parent could replace the
    directory. A directory of another user, or a shared one such as /tmp, stays unchanged.
    """
    for parent in reversed([each for each in directory.parents if not each.exists()]):
        parent.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    _restrict(directory)


def make_contents_private(*paths: Path) -> None:
    """Make these files, and these folders with everything in them, private.

    Symbolic links are not followed.
    """
    for path in paths:
        for each in _walk(path):
            _restrict(each)


def is_shared(status: os.stat_result) -> bool:
    """Return whether several users share a folder: its sticky bit is set."""
    return bool(status.st_mode & stat.S_ISVTX)


def _walk(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _restrict(path: Path) -> None:
    """Make a file, socket or folder of this user private. Skip every other path."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if status.st_uid != os.geteuid() or stat.S_ISLNK(status.st_mode) or is_shared(status):
        return
    mode = DIRECTORY_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE
    if stat.S_IMODE(status.st_mode) != mode:
        path.chmod(mode)
