"""Measure the memory of a service's processes."""

import contextlib
import threading
from pathlib import Path
from typing import Self

import psutil

from tests.integration.processes import ServiceProcess

SAMPLE_SECONDS = 0.01


class PeakMemory:
    """A context manager. `growth` is the largest growth of all processes together, in bytes."""

    def __init__(self, service: ServiceProcess) -> None:
        self._processes = [psutil.Process(service.pid), *service.children()]
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        for process in self._processes:
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text(
                    "5"
                )  # Linux forgets the peak so far
        self._before = self._peak = self._resident()
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._sampler.join()

    @property
    def growth(self) -> int:
        return max(self._peak, self._kept_by_the_kernel()) - self._before

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, self._resident())

    def _resident(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    def _kept_by_the_kernel(self) -> int:
        """Return the peak that Linux records for each process, so that no peak is missed."""
        peaks = 0
        for process in self._processes:
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                peaks += sum(
                    int(line.split()[1]) * 1024
                    for line in status.splitlines()
                    if line.startswith("VmHWM")
                )
        return peaks
