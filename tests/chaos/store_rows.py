"""Rows about the store and the way to it: away, restarted, full, read-only, silent."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator

import psutil
import redis
import requests

from tests.chaos.row import Outcome, Run, row
from tests.chaos.server import ChaosServer
from tests.chaos.site import Site, pause
from tests.integration.following import Follower
from tests.integration.processes import free_port
from tests.integration.waiting import wait_until


class Submitter:
    """Submits through the API from some threads, without a pause, for as long as it is entered."""

    def __init__(self, site: Site, threads: int = 2, ms: int = 5) -> None:
        self._site, self._ms = site, ms
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        self.refused = 0

    def __enter__(self) -> "Submitter":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            while not self._ended.is_set():
                try:
                    accepted = self._site.post(ms=self._ms, session=session).ok
                except requests.RequestException:
                    accepted = False
                if not accepted:
                    self.refused += 1
                self._ended.wait(0.005 if accepted else 0.02)


def accepts(site: Site) -> bool:
    with contextlib.suppress(requests.RequestException):
        return site.post().ok
    return False


@row("F-10", "one worker cut off from Redis, one run begun just before, another worker alive; lease 15 s")
def cut_off(run: Run) -> Outcome:
    outcome = Outcome(repetitions=3, limit=18.0)
    seconds = 25 if run.quick else 60
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        proxy = site.with_proxy()
        site.with_worker(3, host="cut", through=proxy)
        work = (seconds - 8) * 1_000
        ids = [site.submit(ms=work) for _ in range(2)]
        runs = [site.journal.wait_start(task_id) for task_id in ids]
        long_running = time.monotonic() + 2
        wait_until(lambda: time.monotonic() > long_running)
        pause(0, 3)
        fresh = site.submit(ms=work)
        runs.append(site.journal.wait_start(fresh))
        proxy.cut()
        at = time.monotonic()
        site.with_worker(3, host="alive", ready=False)
        deaths = [site.journal.wait_death(each.life, 30) - at for each in runs]
        again = [site.journal.wait_start(each.task_id, nth=2, seconds=40) for each in runs]
        outcome.recoveries += [each.started - at for each in again]
        run.say(f"dead after {max(deaths):.2f} s, again after {max(outcome.recoveries):.2f} s")
        wait_until(lambda: time.monotonic() - at > seconds, 90)
        proxy.restore()
        outcome.settle(site, 60)
        outcome.expect(site.crashes(ids) == 0, f"{site.crashes(ids)} crashes counted for runs of more than 2 s")
        outcome.expect(site.crashes([fresh]) == 0, "a crash counted for a run that began just before the cut")
    outcome.notes.append(f"cut for {seconds} s, children dead within {max(deaths):.2f} s (13)")
    outcome.expect(max(deaths) <= 13, "a child outlived 13 s")
    return outcome


@row("F-11", "Redis restarted (SIGTERM) under load")
def restart_redis(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=5.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        for number in range(outcome.repetitions):
            site.flood(30, ms=50)
            site.running(1)
            pause(0, 0.3)
            site.server.stop()
            pause(0, 1.5)
            back = site.server.start()
            outcome.recoveries.append(site.journal.first_start(after=back, seconds=60) - back)
            run.say(f"{number + 1}: works {outcome.recoveries[-1]:.2f} s after Redis is back")
            site.settle(30)
        outcome.settle(site, 30)
        outcome.expect(site.crashes() == 0, f"{site.crashes()} crashes counted")
    return outcome


@row("F-12", "kill -9 of Redis during submits; AOF always")
def kill_redis(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(20))
    with run.site(fsync="always") as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        with Submitter(site, threads=4) as submitter:
            for number in range(outcome.repetitions):
                goal = len(site.accepted) + 50
                wait_until(lambda goal=goal: len(site.accepted) >= goal, 30)
                pause(0, 0.2)
                site.server.kill()
                site.server.start()
                run.say(f"{number + 1} killed, {len(site.accepted)} accepted")
        outcome.settle(site, 90)
        outcome.notes.append(f"{submitter.refused} submits refused")
    return outcome


@row("F-14", "Redis down; lease 15 s")
def redis_down(run: Run) -> Outcome:
    outcome = Outcome(repetitions=1)
    seconds = 20 if run.quick else 60
    waits: list[float] = []
    codes: set[int] = set()
    with run.site() as site:
        api = site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        running = [site.submit(ms=15_000) for _ in range(2)]
        for task_id in running:
            site.journal.wait_start(task_id)
        site.flood(50, ms=20)
        site.server.kill()
        at = time.monotonic()
        memory: list[int] = []
        while time.monotonic() - at < seconds:
            began = time.monotonic()
            codes.add(site.post().status_code)
            waits.append(time.monotonic() - began)
            if len(waits) % 100 == 1:
                memory.append(_memory(api.pid))
            time.sleep(0.01)
        back = site.server.start()
        outcome.recoveries.append(site.journal.first_start(after=back, seconds=60) - back)
        wait_until(lambda: accepts(site), 10)
        outcome.settle(site, 90)
        outcome.expect(site.crashes() == 0, f"{site.crashes()} crashes counted")
    later = sorted(waits[1:])
    slow = later[int(len(later) * 0.99)]
    growth = (memory[-1] - memory[len(memory) // 4]) / 2**20
    outcome.expect(codes == {503}, f"answers {codes}")
    outcome.expect(waits[0] <= 1.1, "the first 503 took more than 1.1 s")
    outcome.expect(slow <= 0.02, "p99 of the later ones is above 20 ms")
    outcome.expect(growth < 5, "the memory of the API grew by more than 5 MiB")
    outcome.notes.append(
        f"down for {seconds} s; {len(waits)} x 503, first {waits[0] * 1000:.0f} ms (1100), then p99 "
        f"{slow * 1000:.0f} ms (20) max {later[-1] * 1000:.0f} ms; memory {growth:+.1f} MiB"
    )
    return outcome


def _memory(pid: int) -> int:
    parent = psutil.Process(pid)
    return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])


@row("F-15", "CLIENT KILL of all connections under load")
def kill_connections(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(30), limit=5.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        with Submitter(site, ms=10):
            for number in range(outcome.repetitions):
                began = time.monotonic()
                pause(0.1, 0.5)
                dropped = site.server.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                killed = time.monotonic()
                outcome.recoveries.append(site.journal.first_start(after=killed, seconds=30) - killed)
                run.say(f"{number + 1}: {dropped} connections, {killed - began:.1f} s later")
        outcome.settle(site, 60)
        many = sum(len(site.journal.of(task_id)) != 1 for task_id in site.accepted)
        outcome.expect(not many, f"{many} tasks ran not exactly once")
    return outcome


@row("F-15a", "replies lost after a command was carried out, to a worker under load")
def lose_replies(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(30), limit=5.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        proxy = site.with_proxy()
        site.with_worker(2, through=proxy)
        with Submitter(site, ms=10):
            for number in range(outcome.repetitions):
                pause(0.1, 0.5)
                proxy.lose_replies()
                lost = time.monotonic()
                outcome.recoveries.append(site.journal.first_start(after=lost + 0.05, seconds=30) - lost)
                run.say(f"{number + 1} lost, work after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 60)
        many = sum(len(site.journal.of(task_id)) != 1 for task_id in site.accepted)
        outcome.expect(not many, f"{many} tasks ran not exactly once")
    return outcome


@row("F-16", "the worker's connections swallow everything without closing; idle, then in a run")
def swallow_connections(run: Run) -> Outcome:
    outcome = Outcome(repetitions=2 if run.quick else 6, limit=25.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        proxy = site.with_proxy()
        site.with_worker(2, through=proxy)
        for number in range(outcome.repetitions):
            running = None
            if number % 2:
                running = site.submit(ms=4_000)
                site.journal.wait_start(running)
            proxy.swallow()
            at = time.monotonic()
            ids = [site.submit(ms=10) for _ in range(5)]
            starts = [site.journal.wait_start(task_id, seconds=60).started for task_id in ids]
            outcome.recoveries.append(min(starts) - at)
            run.say(f"{number + 1}: works after {outcome.recoveries[-1]:.2f} s")
            if running:
                site.settle(30, [running])
                outcome.expect(site.task(running).attempt == 1, "the run under way did not keep its result")
        outcome.settle(site, 60)
    return outcome


@row("F-16s", "the API's connections swallow everything without closing, while streams are followed")
def swallow_streams(run: Run) -> Outcome:
    outcome = Outcome(repetitions=2 if run.quick else 5, limit=25.0)
    with run.site() as site:
        proxy = site.with_proxy()
        site.with_api(redis_url=site.url_through(proxy))
        site.with_maintenance()
        site.with_worker(2)
        follower = Follower(site.api, "/events")
        expected = 0
        for number in range(outcome.repetitions):
            site.submit(ms=1_000)  # the reader is at work
            proxy.swallow()
            at = time.monotonic()
            wait_until(lambda: site.post("sleep", 10).status_code == 202, 60)
            expected += 2
            wait_until(lambda: follower.names().count("task.completed") >= expected, 60)  # noqa: B023 - called now
            outcome.recoveries.append(time.monotonic() - at)
            run.say(f"{number + 1}: told after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 30)
        told = [tuple(map(int, event["id"].split("-"))) for event in follower.events if "id" in event]
        outcome.expect(told == sorted(set(told)), "an event came twice or in another order")
        outcome.expect("stream.gap" not in follower.names(), "there was a gap")
    outcome.notes.append("(from the swallowing to the last event)")
    return outcome


@row("F-18", "Redis full, then 85 % full")
def full(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5))
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        client = site.server.client
        for number in range(outcome.repetitions):
            client.config_set("maxmemory", 0)
            wait_until(lambda: accepts(site), 10)
            ballast = [site.submit(note="x" * 200, also="y" * 200, run=str(number)) for _ in range(300)]
            site.settle(30)
            going = site.flood(60, ms=50)
            site.running(2)
            client.config_set("maxmemory", int(client.info("memory")["used_memory"]) - 100_000)
            wait_until(lambda: not accepts(site), 10)
            answer = site.post()
            code = answer.json().get("code")
            outcome.expect((answer.status_code, code) == (503, "capacity"), f"{answer.status_code} {code} when full")
            outcome.expect(site.settle(30, going), "waiting and running work stopped while Redis was full")
            client.config_set("maxmemory", int(int(client.info("memory")["used_memory"]) / 0.87))
            wait_until(lambda: not accepts(site), 10)
            answer = site.post()
            outcome.expect(answer.status_code == 503, f"{answer.status_code} at 87 %")
            began = time.monotonic()
            deleted = 0
            for task_id in ballast:
                answer = site.session.delete(site.url(f"/tasks/{task_id}"), timeout=10)
                outcome.expect(answer.status_code == 204, f"delete: {answer.status_code}")
                site.accepted.remove(task_id)
                deleted += 1
            used = int(client.info("memory")["used_memory"])
            limit = int(client.info("memory")["maxmemory"])
            client.config_set("maxmemory", max(limit, int(used / 0.8)))
            wait_until(lambda: accepts(site), 10)
            run.say(
                f"{number + 1}: {deleted} deleted at {used / limit:.0%}, open after {time.monotonic() - began:.1f} s"
            )
            outcome.expect(used < 0.87 * limit, "deleting freed no memory")
        client.config_set("maxmemory", 0)
        outcome.settle(site, 60)
    return outcome


@row("F-19", "READONLY (it became a replica), then MISCONF (it cannot save)")
def refuses_writes(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5) * 2, limit=10.0)
    with run.site() as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(2)
        for number in range(outcome.repetitions):
            name, fault = ("MISCONF", misconf) if number % 2 else ("READONLY", readonly)
            site.flood(20, ms=100)
            site.running(1)
            with fault(site.server):
                answer = site.post()
                outcome.expect(answer.status_code == 503, f"{name}: {answer.status_code}")
                pause(1, 3)
            cured = time.monotonic()
            wait_until(lambda: accepts(site), 30)
            open_again = time.monotonic() - cured
            last = site.accepted[-1]
            outcome.recoveries.append(max(open_again, site.journal.wait_start(last, seconds=60).started - cured))
            run.say(f"{number + 1} {name}: healed after {outcome.recoveries[-1]:.2f} s")
            site.settle(30)
        outcome.settle(site, 60)
        outcome.expect(site.crashes() == 0, f"{site.crashes()} crashes counted")
    return outcome


@contextlib.contextmanager
def readonly(server: ChaosServer) -> Iterator[None]:
    """A replica of a server that is not there."""
    server.client.replicaof("127.0.0.1", free_port())
    try:
        yield
    finally:
        server.client.replicaof("NO", "ONE")


@contextlib.contextmanager
def misconf(server: ChaosServer) -> Iterator[None]:
    """Its snapshot cannot be put into place, since a folder stands there."""
    client, blocker = server.client, server.directory / "dump.rdb"
    blocker.unlink(missing_ok=True)
    (blocker / "in the way").mkdir(parents=True)
    client.config_set("save", "3600 1")
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", 10)
    try:
        yield
    finally:
        (blocker / "in the way").rmdir()
        blocker.rmdir()
        wait_until(lambda: _saves(client), 10)
        client.config_set("save", "")


def _saves(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.ResponseError):  # one is under way
        client.bgsave()
    return bool(client.info("persistence")["rdb_last_bgsave_status"] == "ok")


@row("F-26", "a worker's clock 10 min fast, then slow; lease 3 s")
def wrong_clock(run: Run) -> Outcome:
    steps = ("600",) if run.quick else ("600", "-600")
    outcome = Outcome(repetitions=len(steps))
    with run.site(lease=3) as site:
        site.with_api()
        site.with_maintenance()
        for step in steps:
            worker = site.with_worker(2, environment={"CHAOS_CLOCK_STEP": step})
            ids = [site.submit(ms=5_000) for _ in range(2)]
            site.settle(20)
            for task_id in ids:
                outcome.expect(len(site.journal.of(task_id)) == 1, "recovered early")
            worker.stop()
        outcome.settle(site, 20)
    outcome.notes.append("Redis' own clock is not stepped")
    return outcome


@row("F-05a", "kill -9 of the API during submits")
def kill_the_api(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10))
    with run.site() as site:
        site.with_maintenance()
        site.with_worker(2)
        api = site.with_api()
        for number in range(outcome.repetitions):
            with Submitter(site, threads=4):
                goal = len(site.accepted) + 30
                wait_until(lambda goal=goal: len(site.accepted) >= goal, 30)
                pause(0, 0.1)
                for process in [*api.children(), psutil.Process(api.pid)]:
                    os.kill(process.pid, 9)
            api = site.with_api()
            run.say(f"{number + 1} killed, {len(site.accepted)} accepted")
        outcome.settle(site, 30)
    return outcome
