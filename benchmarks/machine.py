"""The facts of the machine and of the libraries, on which figures depend."""

import os
import platform
import sysconfig
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.environment import peer_versions
from benchmarks.processes import Store
from benchmarks.subjects import HTTP_WORKERS

LIBRARIES = (
    "celery",
    "flask",
    "flask-smorest",
    "gevent",
    "gunicorn",
    "hiredis",
    "kombu",
    "marshmallow",
    "redis",
)


def machine_facts(store: Store) -> str:
    """Return the facts as a list in Markdown."""
    info = store.client.info("server")
    server = (
        f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}"
    )
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} CPUs ({processor()}), {memory_gib():.0f} GiB, {platform.system()} "
        f"{platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{'' if optimised else 'not '}built with PGO",
        f"{server} with an append-only file (everysec), one server for each subject",
        f"gunicorn with {HTTP_WORKERS} gevent workers for ours and the plain service",
        ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        f"peers: {peer_versions()}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def processor() -> str:
    """Return the name of the processor, where the system says it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unnamed"


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
