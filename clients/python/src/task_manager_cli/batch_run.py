"""Send the chunks of a batch, a few at once, with progress."""

import hashlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from task_manager_cli.batch_input import BadLine, Line
from task_manager_cli.exits import discard_output, say
from task_manager_cli.output import to_json

if TYPE_CHECKING:
    from task_manager_client import Client
    from task_manager_client.batches import Chunk
    from task_manager_client.models import Batch

MAX_TOLD = 20
"""Problems of lines that are printed; the others are counted."""
PATIENCE = 20
"""Attempts for a chunk that the service is too busy for."""


@dataclass
class Outcome:
    """The numbers of lines by what happened to them, the time, and the error that ended the run."""

    submitted: int = 0
    replayed: int = 0
    rejected: int = 0
    seconds: float = 0.0
    error: Exception | None = None


@dataclass(frozen=True)
class Sent:
    """A chunk that was sent: the batches of the response, and the lines that were rejected."""

    batches: "Sequence[Batch]"
    rejected: Sequence[tuple[Line, str]]


class BrokenOffError(Exception):
    """A line is no task, so that its chunk cannot be sent."""


class BatchRun:
    """Sends chunks with keys of their content and position, so that a repetition is harmless."""

    def __init__(
        self,
        client: "Client",
        key: str,
        rejects: TextIO | None,
        parallel: int,
        print_id: Callable[[str], None] | None,
        size: int | None,
    ) -> None:
        self._client = client
        self._key = key
        self._rejects = rejects
        self._parallel = parallel
        self._print_id = print_id
        self._size = size
        self._outcome = Outcome()
        self._told: set[str] = set()
        self._stopping = threading.Event()

    def execute(self, lines: Iterator[Line | BadLine], file: TextIO) -> Outcome:
        """Send all lines. A failure ends the run after the chunks that are under way."""
        began = time.monotonic()
        pool = ThreadPoolExecutor(self._parallel)
        under_way: deque[Future[Sent]] = deque()
        try:
            with Progress(self._size) as progress:
                for chunk, members in self._chunks(lines):
                    under_way.append(pool.submit(self._send, chunk, members))
                    while under_way and (len(under_way) > self._parallel or self._is_over()):
                        self._count(under_way.popleft().result())
                    progress.show(self._outcome, position(file))
                    if self._is_over():
                        break
                while under_way:
                    self._count(under_way.popleft().result())
                    progress.show(self._outcome, position(file))
        except click.UsageError:
            raise
        except BrokenOffError:
            self._finish(under_way)
        except Exception as error:  # of the connection or the service: what is done stays done
            self._outcome.error = error
            self._finish(under_way)
        finally:
            self._stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    def _is_over(self) -> bool:
        return bool(self._outcome.rejected and self._rejects is None)

    def _finish(self, under_way: "deque[Future[Sent]]") -> None:
        """Count the chunks that are under way when the run ends early."""
        for future in under_way:
            if future.exception() is None:
                self._count(future.result())

    def _chunks(self, lines: Iterator[Line | BadLine]) -> "Iterator[tuple[Chunk, list[Line]]]":
        """Yield each chunk with its lines. Lines that cannot be read are rejected."""
        from task_manager_client.batches import chunks

        taken: deque[Line] = deque()

        def tasks() -> Iterator[dict[str, Any]]:
            for line in lines:
                if isinstance(line, Line):
                    taken.append(line)
                    yield line.task
                    continue
                self._reject(f"line {line.number}: {line.reason}")
                if self._rejects is None:
                    raise BrokenOffError  # a part of a chunk would have another key
                self._rejects.write(line.text)

        for chunk in chunks(tasks()):
            yield chunk, [taken.popleft() for _ in range(chunk.count)]

    def _send(self, chunk: "Chunk", members: list[Line]) -> Sent:
        """Send a chunk. With a file for rejects, without its invalid lines."""
        from task_manager_client.batches import Chunk
        from task_manager_client.calls import to_json as encoded
        from task_manager_client.errors import InvalidRequest

        rejected: list[tuple[Line, str]] = []
        while members:
            try:
                return Sent([self._submit(chunk)], rejected)
            except InvalidRequest as error:
                wrong = problems(error)
                if not wrong:
                    raise
                rejected += [(members[place], text) for place, text in wrong.items()]
                if self._rejects is None:
                    break
                members = [each for place, each in enumerate(members) if place not in wrong]
                body = encoded([each.task for each in members])
                chunk = Chunk(chunk.position, len(members), body)
        return Sent([], rejected)

    def _submit(self, chunk: "Chunk") -> "Batch":
        from task_manager_client.errors import Overloaded
        from task_manager_client.operations import submit_batch

        call = submit_batch(chunk.body, chunk_key(self._key, chunk))
        for attempt in range(1, PATIENCE + 1):
            try:
                return self._client.send(call)
            except Overloaded as error:
                if attempt == PATIENCE or self._stopping.wait(error.retry_after or 1):
                    raise
        raise AssertionError("unreachable")

    def _count(self, sent: Sent) -> None:
        for batch in sent.batches:
            if batch.replayed:
                self._outcome.replayed += len(batch.tasks)
            else:
                self._outcome.submitted += len(batch.tasks)
            for message in {warning.message for warning in batch.warnings} - self._told:
                say(f"Warning: {message}")
                self._told.add(message)
            self._print_ids(batch)
        for line, text in sent.rejected:
            self._reject(f"line {line.number}: {text}")
            if self._rejects is not None:
                self._rejects.write(to_json(line.task) + "\n")

    def _print_ids(self, batch: "Batch") -> None:
        """Print the ids until their reader has enough. All tasks are submitted all the same."""
        if self._print_id is None:
            return
        try:
            for task in batch.tasks:
                self._print_id(task.task_id)
        except BrokenPipeError:
            self._print_id = None
            discard_output()

    def _reject(self, message: str) -> None:
        self._outcome.rejected += 1
        if self._outcome.rejected <= MAX_TOLD:
            say(message)
        elif self._outcome.rejected == MAX_TOLD + 1:
            say("More lines are invalid.")


class Progress:
    """A bar on stderr, if that is a terminal."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._bar: Any = None

    def __enter__(self) -> "Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                TextColumn("{task.description}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._size)
            self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, outcome: Outcome, read: int | None) -> None:
        """Show how many tasks are submitted, and how far the file is read."""
        if self._bar:
            done = outcome.submitted + outcome.replayed
            rate = done / max(time.monotonic() - self._began, 0.001)
            text = f"{done:,} tasks, {rate:,.0f} a second"
            self._bar.update(self._task, description=text, completed=read)


def position(file: TextIO) -> int | None:
    """Return how many bytes of the file were read from the disk."""
    try:
        return file.buffer.tell()
    except (OSError, ValueError):
        return None


def chunk_key(key: str, chunk: "Chunk") -> str:
    """Return the idempotency key of a chunk: of its content, its position and `--key`."""
    digest = hashlib.sha256(f"{key}\0{chunk.position}\0".encode() + chunk.body)
    return f"batch-{digest.hexdigest()}"


def problems(error: Any) -> dict[int, str]:
    """Return the problems by the place of their task in the chunk."""
    found: dict[int, list[str]] = {}
    for each in error.errors:
        empty, _, rest = (each.pointer or "").partition("/tasks/")
        place, _, member = rest.partition("/")
        if not empty and place.isdecimal():
            found.setdefault(int(place), []).append(
                f"{member}: {each.message}" if member else each.message
            )
    return {place: "; ".join(texts) for place, texts in found.items()}
