"""Install peers, and what users of this service install, into folders below benchmarks/.cache."""

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import ROOT, NotReady
from benchmarks.progress import say

PEERS = ("arq==", "dramatiq==", "flower==", "huey==", "rq==", "taskiq==", "taskiq-redis==")
CACHE = Path(__file__).parent.parent / ".cache"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")


OUR_CODE = (ROOT / "src", ROOT / "clients" / "python" / "src")
"""Folders of our code, which `make run` installs and an environment below the cache lacks."""


def peers_python() -> str:
    """Return the Python that has all peers but arq. Raises NotReady if they cannot be installed."""
    return _python_with(_lock("requirements"))


def arq_python() -> str:
    """Return the Python that has arq, which needs an older redis-py than the other peers."""
    return _python_with(_lock("arq"))


def users_python() -> str:
    """Return the Python that has the libraries that `make run` installs. Raises NotReady.

    Several libraries import others where they are there, and those of development are many.
    """
    return _python_with(ROOT / "requirements-local.lock")


def peer_versions() -> str:
    """Return the peers with the versions that their locks name."""
    lines = [
        line
        for name in ("requirements", "arq")
        for line in _lock(name).read_text().splitlines()
        if line.startswith(PEERS)
    ]
    return ", ".join(line.split()[0].replace("==", " ") for line in sorted(lines))


def _lock(name: str) -> Path:
    return Path(__file__).with_name(f"{name}.lock")


def _python_with(lock: Path) -> str:
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"{lock.stem}-{digest}"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        say(f"Installing what {lock.name} names (once) …")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), *PIP, "--requirement", str(lock)])
        ready.touch()
    return str(python)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReady(
            f"libraries cannot be installed: {' '.join(command[1:])} exited with "
            f"{done.returncode}. {done.stderr[-1000:].strip()}\n"
            "--no-peers compares with the plain service alone, which needs nothing more."
        )
