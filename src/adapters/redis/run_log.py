"""Progress and log lines of running tasks: a field of the record, and a list."""

from collections.abc import Sequence
from json import JSONEncoder, loads

import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.failures import is_damage
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import PROGRESS, encode_progress, instant
from application.ports.run import MAX_LOG_BYTES, MAX_LOG_LINES, LogLine, RunLog, RunReport
from application.skipped_items import SkippedItems
from domain.events import Event
from domain.task import Task
from domain.task_state import Progress

_json = JSONEncoder(ensure_ascii=False).encode
"""Without ASCII escapes, which would turn each emoji into 12 bytes."""


class RedisRunLog(RunLog):
    def __init__(self, store: RedisStore, events_kept: int) -> None:
        self._store = store
        self._save = SaveScript(store, confirmed=False)  # no report is promised
        self._read = store.script("log", writes=False)
        self._skipped_items = SkippedItems()
        self._events_kept = events_kept

    def append(
        self, run: Task, *, progress: Progress | None = None, lines: Sequence[str] = ()
    ) -> bool:
        report = RunReport(run=run, progress=progress, lines=lines)
        return self._save.run(self._effects(report)).saved

    def append_each(self, reports: Sequence[RunReport]) -> None:
        self._save.run_each(list(map(self._effects, reports)))

    def _effects(self, report: RunReport) -> Effects:
        run, progress, lines = report.run, report.progress, report.lines
        record, effects = keys.record(run.task_id), Effects()
        effects.require_run(record, run.fencing_token)
        if lines:
            add_lines(effects, run, lines)
        if progress:
            effects.set_fields(record, {PROGRESS: encode_progress(progress).encode()})
            member = require_id_bytes(run.task_id)
            effects.append_event(keys.EVENTS, record, self._events_kept, Event.PROGRESS, member)
        return effects

    def lines(self, task_id: str, after: int = 0, *, limit: int | None = None) -> Sequence[LogLine]:
        while True:
            entries = self._entries(task_id, after, -1 if limit is None else limit)
            found = [self._decoded(task_id, number, stored) for number, stored in entries]
            if any(found) or len(found) != limit or not entries:
                return [line for line in found if line]
            after = entries[-1][0]

    def _entries(self, task_id: str, after: int, most: int) -> Sequence[tuple[int, bytes]]:
        """Return stored lines with their numbers; none of a key of the wrong type."""
        try:
            before, lines = self._read([keys.record(task_id), keys.log(task_id)], [after, most])
        except redis.ResponseError as error:
            if not is_damage(error):
                raise
            self._skipped_items.log_once("read_log", task_id, error)
            return []
        return list(enumerate(lines, int(before) + 1))

    def _decoded(self, task_id: str, number: int, stored: bytes) -> LogLine | None:
        try:
            return _line(number, stored)
        except Exception as error:  # whatever is wrong with it, the others can be read
            self._skipped_items.log_once("read_log", task_id, error)
            return None


def add_lines(effects: Effects, run: Task, lines: Sequence[str]) -> None:
    """Append lines to the log of the task, under the attempt of this run."""
    stored = (_json([run.attempt, line]).encode() for line in lines)
    log, record = keys.log(run.task_id), keys.record(run.task_id)
    effects.append_log(log, record, MAX_LOG_LINES, MAX_LOG_BYTES, stored)


def _line(number: int, stored: bytes) -> LogLine:
    """Decode a line of save.lua: milliseconds since 1970, a blank, the attempt and the message."""
    at, _, rest = stored.partition(b" ")
    attempt, message = loads(rest)
    return LogLine(at=instant(int(at)), attempt=attempt, message=message, number=number)
