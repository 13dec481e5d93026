"""Directories and files that only their owner may read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


def make_private(directory: Path) -> None:
    """Create the directory, or close an existing one to other users. Parents that it creates are private, too.

    Whoever may write to a parent could put another directory in its place.
    A directory of another user, and one that is shared such as /tmp, is left as it is. Raises OSError.
    """
    for parent in reversed([each for each in directory.parents if not each.exists()]):
        parent.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    _restrict(directory)


def make_contents_private(*paths: Path) -> None:
    """Close these files and folders, and everything in the folders, to other users. Symbolic links are not followed."""
    for path in paths:
        for each in _walk(path):
            _restrict(each)


def is_shared(status: os.stat_result) -> bool:
    """Return whether its sticky bit is set, by which several users share a folder."""
    return bool(status.st_mode & stat.S_ISVTX)


def _walk(path: Path) -> Iterator[Path]:
    yield path
    for folder, folders, files in os.walk(path):
        yield from (Path(folder, name) for name in (*folders, *files))


def _restrict(path: Path) -> None:
    """Only for regular files, sockets and folders of this user; a path that does not exist is skipped."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if status.st_uid != os.geteuid() or stat.S_ISLNK(status.st_mode) or is_shared(status):
        return
    mode = DIRECTORY_MODE if stat.S_ISDIR(status.st_mode) else FILE_MODE
    if stat.S_IMODE(status.st_mode) != mode:
        path.chmod(mode)
