"""Tasks in Redis: one hash for each, and the indexes that follow from it."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from adapters.redis.backlogs import RedisBacklogs
from adapters.redis.effects import Effects
from adapters.redis.entries import split_idempotency_value
from adapters.redis.id_codec import id_bytes, id_text
from adapters.redis.indexes import WakeUpOf
from adapters.redis.rate_limits import require_units, settle_saved
from adapters.redis.records import TaskRecords, rank_of
from adapters.redis.save_script import SaveReply, SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_effects import TaskEffects, as_stored
from adapters.redis.task_search import RedisTaskSearch
from application.errors import AlreadySubmitted, StaleTask, StoreFull, TooManyQueues
from application.ports.actors import THE_SERVICE, Actors
from application.ports.rate_limits import Charge
from application.ports.task_repository import (
    Backlog,
    Change,
    IdempotencyRecord,
    IdPage,
    PageRequest,
    TaskPage,
    TaskRepository,
)
from application.skipped_items import SkippedItems
from application.task_filter import TaskFilter
from domain.status import Status
from domain.task import Task

DEFAULT_MAX_QUEUES = 1_000


class RedisTaskRepository(TaskRepository):
    def __init__(
        self,
        store: RedisStore,
        wake_up_of: WakeUpOf,
        events_kept: int,
        max_queues: int = DEFAULT_MAX_QUEUES,
        own_queues: Container[str] = (),
        let_others_run: Callable[[], None] = lambda: None,
        cache_bytes: int = 0,
        *,
        long_results_as_text: bool = False,
        actors: Actors = THE_SERVICE,
    ) -> None:
        """Tasks may name `max_queues` different queues. Those in `own_queues` do not count.

        `let_others_run` is called between tasks, for a process that serves other requests.
        `cache_bytes`: see KnownTasks. `long_results_as_text`: see TaskRecords. `actors` says who
        makes each change.
        """
        self._store = store
        self._max_queues = max_queues
        self._effects = TaskEffects(
            wake_up_of, events_kept, max_queues, own_queues, let_others_run, actors
        )
        self._save = SaveScript(store)
        self.records = TaskRecords(
            store, let_others_run, cache_bytes, long_results_as_text=long_results_as_text
        )
        self.search = RedisTaskSearch(store, self.records, let_others_run)
        self._skipped_items = SkippedItems()
        self.backlogs = RedisBacklogs(store, self.records)

    def get(self, task_id: str) -> Task | None:
        raw = id_bytes(task_id)
        return self.records.get(raw) if raw else None

    def get_with_position(self, task_id: str) -> tuple[Task, int | None] | None:
        raw = id_bytes(task_id)
        if not raw:
            return None
        task, position = self.records.get_with_position(raw)
        return (task, position) if task else None

    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        return self.records.short(filter(None, map(id_bytes, task_ids)))

    def find(self, wanted: TaskFilter, page_request: PageRequest) -> TaskPage:
        found = self.search.find(wanted, page_request)
        return TaskPage(tasks=self.records.short(found.ids), total=found.total, next=found.next)

    def find_ids(self, wanted: TaskFilter, page_request: PageRequest) -> IdPage:
        found = self.search.find(wanted, page_request)
        return IdPage(ids=list(map(id_text, found.ids)), total=found.total, next=found.next)

    def each_with_position(self, task_ids: Sequence[str]) -> Iterator[tuple[Task, int | None]]:
        return self.records.each_with_position(list(filter(None, map(id_bytes, task_ids))))

    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        return self.records.positions(tasks)

    def add(
        self,
        tasks: Sequence[Task],
        idempotency_record: IdempotencyRecord | None = None,
        charge: Charge | None = None,
    ) -> Sequence[Task]:
        effects = self._effects.of_new(tasks, idempotency_record)
        if charge:
            require_units(effects, charge, len(tasks))
        return self.as_added(tasks, self._save.run(effects), charge)

    def save(self, change: Change) -> Task:
        reply = self._save.run(self._effects.of_change(change))
        self._raise_refusal(reply, [change.after])
        return as_stored(change, reply.now_ms)

    def save_with_position(self, change: Change) -> tuple[Task, int | None]:
        task = change.after
        reply, rank = self._save.run_and_read(self._effects.of_change(change), rank_of(task))
        self._raise_refusal(reply, [task])
        is_queued = task.status is Status.QUEUED and isinstance(rank, int)
        return as_stored(change, reply.now_ms), rank + 1 if is_queued else None

    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        tasks = [change.after for change in changes]
        replies = self._save_each(map(self._effects.of_change, changes), tasks)
        return [
            as_stored(change, reply.now_ms) if reply and reply.saved else None
            for change, reply in zip(changes, replies, strict=True)
        ]

    def due(self, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past(Backlog.DUE, limit)

    def expiring(self, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past(Backlog.EXPIRING, limit)

    def remove(self, task: Task) -> None:
        if not self._save.run(self._effects.of_removal(task)).saved:
            raise StaleTask(task.task_id)

    def remove_many(self, tasks: Sequence[Task]) -> Sequence[bool]:
        replies = self._save_each(map(self._effects.of_removal, tasks), tasks)
        return [reply is not None and reply.saved for reply in replies]

    def discarded(self, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past(Backlog.DISCARDED, limit)

    def past_retention(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past_retention(retention, limit)

    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        self.backlogs.set_aside(backlog, tasks)

    def effects_of(self, change: Change) -> Effects:
        """Return the effects of a change, for an adapter that adds its own to them."""
        return self._effects.of_change(change)

    def add_to(
        self,
        effects: Effects,
        tasks: Sequence[Task],
        idempotency_record: IdempotencyRecord | None = None,
    ) -> None:
        """Add the effects of adding tasks to those of another adapter."""
        self._effects.of_new(tasks, idempotency_record, effects)

    def as_added(
        self, tasks: Sequence[Task], reply: SaveReply, charge: Charge | None = None
    ) -> Sequence[Task]:
        """Return new tasks as stored. `charge` is what the reply counted.

        Raises AlreadySubmitted, RateLimitExceeded, TooManyQueues, StoreFull, and StaleTask for a
        reply that refuses them.
        """
        if reply.refused_by == "require_no_value":
            raise AlreadySubmitted(*split_idempotency_value(reply.detail))
        if charge:
            settle_saved(charge, reply)
        self._raise_refusal(reply, tasks)
        changes = (Change(before=None, after=task) for task in self._effects.paced(tasks))
        return [as_stored(change, reply.now_ms) for change in changes]

    def _save_each(
        self, effects: Iterable[Effects], tasks: Sequence[Task]
    ) -> Sequence[SaveReply | None]:
        """Return the reply for each task; None where its data is damaged, which is logged once.

        `effects` are those of each task. Making them raises an error for some damaged tasks.
        """
        made, outcomes = iter(effects), list[Effects | Exception]()
        for _ in tasks:
            try:
                outcomes.append(next(made))
            except Exception as error:  # whatever is wrong with a task, the others are saved
                outcomes.append(error)
        run = iter(self._save.run_each([each for each in outcomes if isinstance(each, Effects)]))
        replies: list[SaveReply | None] = []
        for task, outcome in zip(tasks, outcomes, strict=True):
            reply = next(run) if isinstance(outcome, Effects) else outcome
            if isinstance(reply, Exception):
                self._skipped_items.log_once("save", task.task_id, reply)
            replies.append(None if isinstance(reply, Exception) else reply)
        return replies

    def _raise_refusal(self, reply: SaveReply, tasks: Sequence[Task]) -> None:
        """Raises TooManyQueues, StoreFull or StaleTask for a change that was refused."""
        if reply.refused_by == "require_room":
            new = {name.decode() for name in reply.detail}
            places = [at for at, task in enumerate(tasks) if task.spec.queue in new]
            raise TooManyQueues(self._max_queues, places)
        require_saved(tasks[0], reply)


def require_saved(task: Task, reply: SaveReply) -> None:
    """Raises StoreFull or StaleTask for a change that was refused."""
    if reply.saved:
        return
    if reply.refused_by == "require_absent":  # of keys.FULL, which maintenance sets at 85 %
        raise StoreFull("memory is at 85 % of its limit")
    raise StaleTask(task.task_id)
