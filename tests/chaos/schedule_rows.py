"""Rows about schedules: each slot makes one task, whoever is killed."""

import time
from datetime import UTC, datetime, timedelta

from adapters.redis.connection import connect
from adapters.redis.replies import milliseconds
from adapters.redis.schedules import RedisSchedules
from adapters.redis.store import RedisStore
from adapters.system.cron_times import SystemCronTimes
from application.ports.schedules import StaleSchedule
from application.ports.task_repository import Cursor, PageRequest
from application.task_filter import TaskFilter
from domain.schedule import Schedule
from domain.schedule_spec import Overlap, ScheduleSpec
from domain.task import Task
from domain.task_spec import TaskSpec
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import BATCH, NO_TIMEOUT, Site
from tests.integration.waiting import wait_until

POINTS = tuple(f"{when}_{what}" for what in ("due", "slot", "skip") for when in ("before", "after"))
EACH = 5
"""Number of schedules of each kind."""
CRON_AFTER = SystemCronTimes().after
SECOND = timedelta(seconds=1)


@row("F-60", "crash maintenance at each point of a slot, two others go on")
def crash_points_of_slots(run: Run) -> Outcome:
    times = run.times(20)
    outcome = Outcome(repetitions=len(POINTS) * times, limit=4.0)
    with run.site() as site:
        site.with_worker(2)
        processes = [site.with_chaos_maintenance() for _ in range(3)]
        store = RedisStore(connect(site.server.url))
        schedules = RedisSchedules(store, site.repository, events_kept=100_000)
        for number in range(EACH):
            # The tasks of the one kind take no time, those of the other outlast some slots.
            _add(site, schedules, f"all-{number}", Overlap.QUEUE, ms=0)
            _add(site, schedules, f"some-{number}", Overlap.SKIP, ms=1_500)
        for number in range(times):
            for point in POINTS:
                armed = site.arm(point)
                wait_until(lambda armed=armed: not armed.exists(), 20)
                killed, before = time.monotonic(), _steps(schedules)
                wait_until(lambda before=before: _steps(schedules) > before, 20)
                outcome.recoveries.append(time.monotonic() - killed)
                wait_until(lambda all=processes: any(each.has_ended for each in all), 20)
                processes = [each for each in processes if not each.has_ended]
                processes.append(site.with_chaos_maintenance())
            run.say(f"{number + 1} of {times}")
        for schedule in schedules.each():
            _check(outcome, site, _paused(schedules, schedule.name))
        outcome.settle(site, 60)
        outcome.expect_one_run_each(site)
        outcome.expect_quiet(*processes)
    outcome.notes.append("(from the kill to the next step of any schedule)")
    return outcome


def _add(site: Site, schedules: RedisSchedules, name: str, overlap: Overlap, ms: int) -> None:
    labels = {"do": "sleep", "ms": str(ms)}
    task = TaskSpec(task_name=name, duration=1, timeout=NO_TIMEOUT, labels=labels)
    spec = ScheduleSpec(task=task, every=1, overlap=overlap, catch_up=100)
    now = datetime.fromtimestamp(milliseconds(site.server.client.time()) / 1000, UTC)
    schedules.add(Schedule.create(name, spec, now, CRON_AFTER))


def _steps(schedules: RedisSchedules) -> int:
    return sum(schedule.made + schedule.skipped for schedule in schedules.each())


def _paused(schedules: RedisSchedules, name: str) -> Schedule:
    """Let the schedule make no further task, and return it."""
    while True:
        before = schedules.get_or_raise(name)
        spec = before.spec
        after = before.respecify(
            ScheduleSpec(**{**vars(spec), "paused": True}), before.updated_at, CRON_AFTER
        )
        try:
            schedules.save(before, after)
        except StaleSchedule:
            continue
        return after


def _check(outcome: Outcome, site: Site, schedule: Schedule) -> None:
    """Expect one task or one skip for each slot since the schedule was made."""
    tasks = _tasks(site, schedule.name)
    site.accepted += [task.task_id for task in tasks]
    slots = sorted(task.schedule.slot for task in tasks if task.schedule and task.schedule.slot)
    last = schedule.last_slot or schedule.created_at
    over = (last - schedule.created_at) // SECOND
    wrong = (
        len(set(slots)) != len(slots)
        or len(slots) != schedule.made
        or schedule.made + schedule.skipped != over
        or (schedule.spec.overlap is Overlap.QUEUE and schedule.skipped != 0)
    )
    outcome.expect(
        not wrong,
        f"{schedule.name}: {over} slots, {len(slots)} tasks of {len(set(slots))} slots, "
        f"{schedule.made} made, {schedule.skipped} skipped",
    )


def _tasks(site: Site, name: str) -> list[Task]:
    found: list[Task] = []
    after: Cursor | None = None
    while True:
        wanted = TaskFilter(labels={"schedule": name})
        page = site.repository.find(wanted, PageRequest(limit=BATCH, after=after))
        found += page.tasks
        if page.next is None:
            return found
        after = page.next
