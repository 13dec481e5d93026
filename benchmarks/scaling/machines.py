"""The arithmetic of more machines, from the measured costs of a task."""

from collections.abc import Mapping

from benchmarks.findings import Sample
from benchmarks.page import figure, table

MACHINES = (1, 10, 100)
CHILDREN = 8
"""Children of the worker on each machine."""


def arithmetic(costs: Mapping[str, Sample], cores: int) -> str:
    """Return the tables. `costs` has the samples of POST, GET and run.

    A task is one POST, one GET and one run.
    """
    servers = sum(sample.server for sample in costs.values())
    redis = sum(sample.redis for sample in costs.values())
    limit = 1000 / redis
    cost_rows = [
        (name, figure(sample.server), figure(sample.redis)) for name, sample in costs.items()
    ]
    cost_rows.append(("together", figure(servers), figure(redis)))
    rows = []
    for machines in MACHINES:
        able = machines * cores * 1000 / servers
        rows.append(
            (
                f"{machines}",
                f"{able:,.0f}",
                f"{limit:,.0f}",
                f"{min(able, limit):,.0f}, by {'Redis' if limit < able else 'the machines'}",
                f"{machines * CHILDREN:,}",
                f"{1000 * machines * CHILDREN / limit:,.0f} ms",
            )
        )
    heads = (
        f"machines with {cores} cores",
        "tasks per second that they can do",
        "that one Redis can do",
        "the limit",
        f"children, {CHILDREN} on each",
        "Redis is the limit of tasks shorter than",
    )
    costs_table = table(("CPU of a task, ms", "API and worker", "Redis"), cost_rows)
    return f"{costs_table}\n\n{table(heads, rows)}"
