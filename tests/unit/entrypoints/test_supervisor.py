"""The supervisor replaces a silent service, and no other."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from adapters.supervision.process_family import kill_family
from application.errors import StoreUnavailable
from application.ports.heartbeats import Heartbeat, ServiceProcess
from entrypoints.local import supervisor
from entrypoints.local.life_signs import HeartbeatSign
from entrypoints.local.supervisor import LifeSign, Service, Supervisor, popen
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.integration.waiting import wait_until

GRANDCHILD = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(['sleep', '600'], start_new_session=True)
time.sleep(600)
"""
"""A service that ignores SIGTERM, so that it is killed together with its child."""

Run = Callable[..., Service]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(supervisor, "LISTEN_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "SILENCE_SECONDS", 0.5)
    return []


@pytest.fixture
def run(lines: list[str]) -> Iterator[Run]:
    """Supervise one service, whose signs of life the test gives."""
    ends: list[Callable[[], None]] = []

    def run(
        signs: Iterator[bool | None], is_stopped: Callable[[int], bool] = lambda pid: False
    ) -> Service:
        sign = LifeSign(shown_by=lambda pid: next(signs), missing="nothing is heard")
        service = Service(
            "part", lambda: popen([sys.executable, "-c", GRANDCHILD]), 5.0, life_sign=sign
        )
        supervised = Supervisor(
            [service], say=lines.append, is_stopped=is_stopped, kill_family=kill_family
        )
        supervised.start()
        thread = threading.Thread(target=supervised.run)
        thread.start()
        ends.extend([supervised.end_at_once, thread.join])
        return service

    yield run
    for end in ends:
        end()


def first(
    *signs: bool | None, then: bool | None, looks: list[int] | None = None
) -> Iterator[bool | None]:
    yield from signs
    while True:
        if looks is not None:
            looks.append(1)
        yield then


def test_a_service_that_falls_silent_is_killed_with_its_descendants_and_started_again(
    run: Run, lines: list[str]
) -> None:
    heard = threading.Event()

    def signs() -> Iterator[bool]:
        while not heard.is_set():
            yield True
        while True:
            yield False

    service = run(signs())
    silent = psutil.Process(service.process.pid)
    (grandchild,) = wait_until(silent.children)
    heard.set()

    wait_until(lambda: sum("started" in line for line in lines) >= 2)

    assert "part         shows no sign of life for 0.5 s (nothing is heard); replacing it" in lines
    assert "part         ended (signal SIGKILL); starting it again" in lines
    wait_until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("signs", [(False,), (None,), (True, None)])
def test_a_slow_start_and_a_store_that_is_away_are_no_silence(
    run: Run, lines: list[str], signs: tuple[bool | None, ...]
) -> None:
    looks: list[int] = []
    service = run(first(*signs, then=signs[-1], looks=looks))
    process = service.process
    began = time.monotonic()

    wait_until(lambda: len(looks) > 5 and time.monotonic() - began > 2 * supervisor.SILENCE_SECONDS)

    assert process.poll() is None
    assert not [line for line in lines if "sign of life" in line]


def test_a_stopped_process_is_silent_from_its_start_on(run: Run, lines: list[str]) -> None:
    def is_stopped(pid: int) -> bool:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)

    service = run(first(then=None), is_stopped)
    service.process.send_signal(signal.SIGSTOP)

    wait_until(lambda: sum("started" in line for line in lines) >= 2)

    assert (
        "part         shows no sign of life for 0.5 s (its process is stopped); replacing it"
        in lines
    )


WAITS_FOR_ANOTHER = """
import pathlib, signal, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])

def end(*_):
    mine.touch()
    while not other.exists():
        time.sleep(0.01)
    sys.exit()

signal.signal(signal.SIGTERM, end)
mine.with_suffix(".ready").touch()
time.sleep(600)
"""


def test_the_services_of_a_group_are_asked_to_stop_before_any_is_waited_for(
    lines: list[str], tmp_path: Path
) -> None:
    def service(name: str, other: str) -> Service:
        arguments = [
            sys.executable,
            "-c",
            WAITS_FOR_ANOTHER,
            str(tmp_path / name),
            str(tmp_path / other),
        ]
        ready = (tmp_path / name).with_suffix(".ready")
        return Service(name, lambda: popen(arguments), 60, is_ready=ready.exists)

    services = [service("a", "b"), service("b", "a")]
    supervised = Supervisor(
        services, say=lines.append, stop_order=lambda services: [services], kill_family=kill_family
    )
    supervised.start()
    supervised.stop()

    supervised.run()

    assert sorted(line.split()[0] for line in lines if "stopped" in line) == ["a", "b"]
    assert [service.process.returncode for service in services] == [0, 0]


DEAF = "signal.SIG_IGN"
OBEDIENT = "lambda *_: sys.exit(7)"
UNTIL_TERM = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, {})
pathlib.Path(sys.argv[1]).touch()
time.sleep(600)
"""


def test_an_end_at_once_waits_only_for_services_that_must_not_be_killed(
    lines: list[str], tmp_path: Path
) -> None:
    def service(name: str, action: str) -> Service:
        arguments = [sys.executable, "-c", UNTIL_TERM.format(action), str(tmp_path / name)]
        return Service(name, lambda: popen(arguments), 3600, is_ready=(tmp_path / name).exists)

    store, deaf = service("store", OBEDIENT), service("deaf", DEAF)
    store.may_be_killed = False
    supervised = Supervisor([store, deaf], say=lines.append, kill_family=kill_family)
    supervised.start()
    supervised.stop()
    supervised.end_at_once()

    supervised.run()

    assert (deaf.process.returncode, store.process.returncode) == (-signal.SIGKILL, 7)


def test_only_a_new_heartbeat_of_this_process_is_a_sign(
    heartbeats: FakeHeartbeats, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    mine = ServiceProcess(role="worker", name="a", host="here", pid=1)
    sign = HeartbeatSign(heartbeats, "worker")
    heartbeats.beat(replace(mine, name="b", host="there"))
    assert sign(1) is False

    heartbeats.beat(mine)

    assert [sign(1), sign(1), sign(2)] == [True, False, False]
    clock.advance(timedelta(seconds=3))
    heartbeats.beat(mine)
    assert sign(1) is True


def test_while_the_store_is_unreachable_the_sign_is_unknown(clock: FakeClock) -> None:
    class AwayHeartbeats(FakeHeartbeats):
        def alive(self, role: str) -> Sequence[Heartbeat]:
            raise StoreUnavailable("away")

    assert HeartbeatSign(AwayHeartbeats(clock), "worker")(1) is None


def test_a_service_that_a_real_time_signal_ended_is_started_again(
    run: Run, lines: list[str]
) -> None:
    service = run(first(then=None))
    number = int(signal.SIGRTMIN) + 1

    service.process.send_signal(number)

    wait_until(lambda: sum("started" in line for line in lines) >= 2)
    assert f"part         ended (signal {number}); starting it again" in lines


def test_a_service_that_the_system_does_not_start_is_tried_again(lines: list[str]) -> None:
    starts: list[int] = []

    def start() -> subprocess.Popen[bytes]:
        starts.append(1)
        if len(starts) == 2:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return popen(["true"] if len(starts) == 1 else ["sleep", "600"])

    service = Service("part", start, 5.0)
    supervised = Supervisor([service], say=lines.append, kill_family=kill_family)
    supervised.start()
    thread = threading.Thread(target=supervised.run)
    thread.start()
    try:
        wait_until(lambda: sum("started (" in line for line in lines) == 2)
    finally:
        supervised.end_at_once()
        thread.join()

    [failure] = [line for line in lines if "cannot be started" in line]
    assert "Resource temporarily unavailable" in failure


def test_a_look_that_fails_ends_no_service_and_is_told_once(run: Run, lines: list[str]) -> None:
    looks: list[int] = []

    def stop_state(_: int) -> bool:
        looks.append(1)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    service = run(first(then=True), stop_state)

    wait_until(lambda: len(looks) > 5)
    assert service.process.poll() is None
    [told] = [line for line in lines if "cannot be looked at" in line]
    assert "Too many open files" in told


def test_a_silent_service_is_killed_though_no_descriptor_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("adapters.supervision.process_family.process_table", refuse)
    process = popen(["sleep", "600"])

    kill_family(process.pid)

    assert process.wait(60) == -signal.SIGKILL
