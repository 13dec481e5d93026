"""Follow the events of one task, or of all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from application.errors import StoreUnavailable, TaskNotFound
from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.event_stream import (
    EventStream,
    FollowerTooSlow,
    StreamEnded,
    StreamGap,
    Subscription,
    TaskEvent,
)
from application.ports.run import RunLog
from application.ports.task_repository import PageRequest, TaskRepository
from application.task_filter import EVERY_TASK, TaskFilter
from application.use_cases.tasks.following import Following, News, Notice, Snapshot
from application.use_cases.tasks.log_tail import LogTail

QUIET_SECONDS = 15.0
HISTORY_BATCH = 50
QUIET_EVENTS = 1_000
"""Number of past events without a match after which a notice finds out whether the follower has
disconnected. Reading them takes about 25 ms of CPU time."""
SNAPSHOTS = 100
SNAPSHOT_BATCH = 10
"""Number of tasks that a slow follower holds as they are stored. It holds the ids of the others."""


class FollowTasks:
    def __init__(
        self,
        repository: TaskRepository,
        stream: EventStream,
        clock: Clock,
        run_log: RunLog,
        callers: Callers,
    ) -> None:
        """`repository` has the tasks of all callers: a stream outlives the request of its own."""
        self._callers = callers
        self._run_log = run_log
        self._repository = repository
        self._stream = stream
        self._clock = clock

    def follow_task(
        self, task_id: str, after: str | None, *, log_after: int | None = None
    ) -> Following | None:
        """Follow one task until its final event. Returns None when no event is left.

        With `after`, the position of an event, the events after it follow. With `log_after`, the
        lines of the task's log with a greater number are among the events, all before the final
        one. Raises TaskNotFound, StoreUnavailable, and ValueError when `after` is no position.
        """
        caller = self._callers.current()
        task, position = self._stream.snapshot(task_id)
        if task is None or not caller.scope.matches(task):
            raise TaskNotFound(task_id)
        kept = after is not None and self._stream.can_resume_after(after)
        if (
            task.status.is_final
            and kept
            and after is not None
            and self._has_seen_all(after, position, task_id)
        ):
            return None
        tail = None
        if log_after is not None:
            tail = LogTail(self._run_log, self._clock, task_id, log_after)
        return self._follow(task_id, EVERY_TASK, after, kept=kept, tail=tail)

    def follow_all(self, wanted: TaskFilter, after: str | None) -> Following:
        """Follow all matching tasks, without end.

        Raises StoreUnavailable, and ValueError when `after` is no position.
        """
        kept = after is not None and self._stream.can_resume_after(after)
        return self._follow(None, wanted, after, kept=kept)

    def _follow(
        self,
        task_id: str | None,
        wanted: TaskFilter,
        after: str | None,
        *,
        kept: bool,
        tail: LogTail | None = None,
    ) -> Following:
        caller = self._callers.current()
        wanted = caller.narrow(wanted)
        try:
            subscription = self._stream.subscribe(task_id)
        except StreamEnded:
            raise StoreUnavailable("the process ends") from None
        try:
            news = self._news(
                subscription,
                task_id,
                wanted,
                after if kept else None,
                tail,
                gap=after is not None and not kept,
            )
            if tail:
                news = _with_log(news, tail)
        except BaseException:
            subscription.close()
            raise
        return Following(
            subscription,
            news if caller.has_every_task else map(_without_position, news),
            until_final=task_id is not None,
        )

    def _news(
        self,
        subscription: Subscription,
        task_id: str | None,
        wanted: TaskFilter,
        after: str | None,
        tail: LogTail | None,
        *,
        gap: bool,
    ) -> Iterator[News]:
        """Return the items.

        The first ones are read before it returns, to raise StoreUnavailable at once.
        """
        position = subscription.position
        if after is not None:
            return self._resumed(subscription, task_id, wanted, after, tail)
        snapshots, position = self._snapshots(task_id, wanted, position)
        opening: list[News] = [Notice.GAP] if gap else []
        return chain(opening, snapshots, self._live(subscription, task_id, wanted, position, tail))

    def _resumed(
        self,
        subscription: Subscription,
        task_id: str | None,
        wanted: TaskFilter,
        after: str,
        tail: LogTail | None,
    ) -> Iterator[News]:
        position = subscription.position
        try:
            yield from _matching(self._past(after, position, task_id), wanted)
        except StreamGap as gap:
            yield Notice.GAP
            snapshots, position = self._snapshots(task_id, wanted, gap.position)
            yield from snapshots
        yield from self._live(subscription, task_id, wanted, position, tail)

    def _live(
        self,
        subscription: Subscription,
        task_id: str | None,
        wanted: TaskFilter,
        position: str,
        tail: LogTail | None,
    ) -> Iterator[News]:
        """Yield matching events, and a notice after 15 seconds without one.

        Sending the notice reveals that a follower has disconnected, even while other events go on.
        """
        quiet_at = self._clock.monotonic() + QUIET_SECONDS
        while True:
            event = None  # the last one is not held during a wait
            try:
                seconds = max(quiet_at - self._clock.monotonic(), 0)
                event = subscription.next(tail.patience(seconds) if tail else seconds)
            except StreamGap as gap:
                yield Notice.GAP
                snapshots, position = self._snapshots(task_id, wanted, gap.position)
                yield from snapshots
                quiet_at = self._clock.monotonic() + QUIET_SECONDS
                continue
            except FollowerTooSlow:
                yield Notice.GAP
                return
            is_new = event and _order(event.position) > _order(position)
            if event and is_new and wanted.matches(event.task):
                yield event
            elif is_new and task_id is not None:
                return  # the task has left those of the caller
            elif self._clock.monotonic() >= quiet_at:
                yield Notice.QUIET
            elif event is None:
                yield Notice.LOOK
                continue
            else:
                continue
            quiet_at = self._clock.monotonic() + QUIET_SECONDS

    def _past(self, after: str, until: str, task_id: str | None) -> Iterator[TaskEvent]:
        limit = HISTORY_BATCH
        while limit:
            number = 0
            for event in self._stream.between(after, until, task_id, limit=limit):
                yield event
                after, number = event.position, number + 1
            limit = min(HISTORY_BATCH, 2 * number)

    def _has_seen_all(self, after: str, until: str, task_id: str) -> bool:
        """Return whether no event is left. Unreadable events count as left."""
        try:
            return next(self._stream.between(after, until, task_id, limit=1), None) is None
        except StreamGap:
            return False

    def _snapshots(
        self, task_id: str | None, wanted: TaskFilter, position: str
    ) -> tuple[Iterator[Snapshot], str]:
        """Return snapshots of one task or the latest ones, and the position of the last event."""
        if task_id is not None:
            task, position = self._stream.snapshot(task_id)
            if task is None or not wanted.matches(task):
                raise TaskNotFound(task_id)
            return iter([Snapshot(task=task, position=position)]), position
        page = self._repository.find_ids(wanted, PageRequest(limit=SNAPSHOTS, newest_first=True))
        return self._read_in_turn(page.ids[::-1], wanted, position), position

    def _read_in_turn(
        self, ids: Sequence[str], wanted: TaskFilter, position: str
    ) -> Iterator[Snapshot]:
        """Yield the tasks, oldest first.

        Each is read shortly before its turn and left out if it no longer matches.
        """
        still_wanted = replace(wanted, text=None)  # an omitted member cannot be searched again
        batches = (ids[at : at + SNAPSHOT_BATCH] for at in range(0, len(ids), SNAPSHOT_BATCH))
        for task, _ in chain.from_iterable(map(self._repository.each_with_position, batches)):
            if still_wanted.matches(task):
                yield Snapshot(task=task, position=position)


def _matching(past: Iterator[TaskEvent], wanted: TaskFilter) -> Iterator[News]:
    """Yield the events that match, and a notice after many that do not."""
    skipped = 0
    for event in past:
        if wanted.matches(event.task):
            skipped = 0
            yield event
        elif (skipped := skipped + 1) % QUIET_EVENTS == 0:
            yield Notice.QUIET


def _without_position(item: News) -> News:
    return replace(item, position=None) if isinstance(item, Snapshot) else item


def _with_log(news: Iterator[News], tail: LogTail) -> Iterator[News]:
    """Yield new lines of the log before each item."""
    for item in news:
        yield from tail.before(item.task if isinstance(item, TaskEvent | Snapshot) else None)
        if item is not Notice.LOOK:
            yield item


def _order(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split("-")))
