"""Judge facts about the processes, the queues and the callbacks: one function for each check."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from application.finding import Finding, failure, ok, warning
from application.ports.delivery_log import LoggedDelivery
from application.ports.heartbeats import Heartbeat
from application.ports.queues import QueueState
from domain.webhook import DeliveryOutcome

MAX_FINDINGS = 10
"""Limit on the findings of one check. The last one says how many more there are."""
FAILING_SHARE = 0.5
"""Share of failed delivery attempts from which a receiver counts as failing."""


def judge_maintenance(alive: Sequence[Heartbeat]) -> Finding:
    if not alive:
        return failure(
            "maintenance",
            "No maintenance is alive: due tasks are not queued, lost runs are not recovered, "
            "callbacks are not sent.",
            "Start one: task-manager maintenance",
        )
    return ok("maintenance", f"Maintenance is alive ({_hosts(alive)}).")


def judge_workers(alive: Sequence[Heartbeat]) -> Finding:
    if not alive:
        return failure(
            "workers", "No worker is alive: no task runs.", "Start one: task-manager worker"
        )
    places = sum(beat.process.concurrency for beat in alive)
    return ok("workers", f"Workers: {len(alive)}, which run {places} tasks ({_hosts(alive)}).")


def judge_queues(waiting: Sequence[QueueState], alive: Sequence[Heartbeat]) -> Iterator[Finding]:
    """`waiting` are the queues that may have waiting tasks, `alive` the workers."""
    served = {queue for beat in alive for queue in beat.process.queues}
    depths = [state for state in waiting if state.depth]
    found = [each for state in depths if (each := _judge_queue(state, served))]
    yield from found[:MAX_FINDINGS]
    if len(found) > MAX_FINDINGS:
        more = len(found) - MAX_FINDINGS
        yield failure("queues", f"{more} more queues are like these.", "See task-manager queues.")
    if not found:
        number = sum(state.depth for state in depths)
        yield ok("queues", f"{number:,} tasks wait, each in a queue that a worker serves.")


def _judge_queue(state: QueueState, served: AbstractSet[str]) -> Finding | None:
    if state.name not in served:
        return failure(
            "queues",
            f"{state.depth:,} tasks wait in the queue {state.name}, which no living worker serves.",
            f"Start a worker for it: TASKS_QUEUES={state.name} task-manager worker",
        )
    if state.paused:
        return warning(
            "queues",
            f"The queue {state.name} is paused, and {state.depth:,} tasks wait in it.",
            f"Resume it: task-manager queues resume {state.name}",
        )
    return None


def judge_types(unknown: Mapping[str, int]) -> Iterator[Finding]:
    """`unknown` has the number of waiting tasks of each type that the handlers here lack."""
    for name, number in sorted(unknown.items())[:MAX_FINDINGS]:
        yield failure(
            "types",
            f"{number:,} tasks of the type {name!r} wait, and the handlers of this host do not "
            "have it. A worker without it puts each off for 10 seconds, again and again.",
            "Name its module in TASKS_HANDLERS of the workers (and here), or cancel these tasks: "
            f"task-manager cancel --type {name}",
        )
    if len(unknown) > MAX_FINDINGS:
        more = len(unknown) - MAX_FINDINGS
        yield failure("types", f"{more} more types are like these.", "See task-manager types.")
    if not unknown:
        yield ok("types", "The handlers of this host have the types of all waiting tasks.")


def judge_callbacks(pending: int, latest: Sequence[LoggedDelivery]) -> Iterator[Finding]:
    """`latest` are the latest delivery attempts of all tasks."""
    attempts = Counter(each.host for each in latest)
    failed = Counter(
        each.host
        for each in latest
        if each.delivery.attempt.outcome is not DeliveryOutcome.DELIVERED
    )
    failing = [host for host in failed if failed[host] > FAILING_SHARE * attempts[host]]
    for host in sorted(failing)[:MAX_FINDINGS]:
        last = next(each for each in latest if each.host == host).delivery.attempt
        reason = last.error or f"status {last.status}"
        yield warning(
            "callbacks",
            f"{failed[host]} of the latest {attempts[host]} callbacks to {host} failed, the last "
            f"one with: {reason}.",
            "Correct the receiver, then see task-manager deliveries and task-manager resend.",
        )
    if not failing:
        yield ok("callbacks", f"{pending:,} callbacks are to be sent, and no receiver fails.")


def _hosts(alive: Sequence[Heartbeat]) -> str:
    hosts = sorted({beat.process.host for beat in alive})
    shown = ", ".join(hosts[:MAX_FINDINGS])
    return f"on {shown}" + (f" and {len(hosts) - MAX_FINDINGS} more" * (len(hosts) > MAX_FINDINGS))
