"""Write the page of the benchmarks, and read the verdicts of an earlier page."""

import re
from collections.abc import Iterable, Sequence

from benchmarks.findings import Contest, Findings, Spread
from benchmarks.goals import Verdict

HEAD = """\
# Benchmarks

Written by `make bench`; do not edit it. The service and others took turns on one machine, which
also ran the load and every Redis server. Only ratios mean something elsewhere.

![How many operations per second each does](benchmarks.svg)

"""
REPEAT = """\
## How to repeat it

```sh
make bench                  # everything, in under 15 minutes; writes this page
ONLY=submit make bench      # one group, to the terminal
```

It needs neither Docker nor a Redis. The first run installs the peers, apart from the service.
Every response must have a status of 2xx, the last one of each connection must have the right
content, and the store must have every accepted task: otherwise the run fails.

"""
READING = """\
Figures are medians of the rounds, with the lowest and the highest in brackets. Ratios are formed
round by round, of measurements right after each other. CPU is in ms per operation, of all processes
of the subject (user and system) and of its Redis server.

"""
TITLES = {
    "submit": "Submit by HTTP",
    "read": "Read by HTTP",
    "filters": "Filters and pages, with few and many tasks stored",
    "keys": "The cost of keys",
    "worker": "Workers with empty tasks",
    "idle": "An idle stack",
    "storage": "Memory in Redis",
    "start": "Start",
}
"""The titles of the groups, by name, in the order of the page."""
CONTESTS = {
    "submit": ("submit",),
    "read": ("get one", "list of 10", "list of 100", "first list of 10", "first list of 100"),
    "keys": ("submit with a key", "get one with a key"),
    "worker": ("empty tasks, 2", "empty tasks, 4"),
}
QUANTITIES = {
    "idle": ("start p50", "start p99", "idle PSS"),
    "filters": ("combined", "growth"),
    "storage": ("waiting bytes", "final bytes", "event bytes", "plain final bytes"),
    "start": ("first start", "second start"),
}
GOAL_HEADS = ("goal", "asked", "measured", "verdict")
GOAL_ROW = re.compile(r"^\| (.+?) \| .+? \| .+? \| \**(not reached|reached)\b", re.MULTILINE)


def page(findings: Findings, verdicts: Sequence[Verdict], facts: str) -> str:
    """Return the whole page."""
    groups = "".join(group_section(name, findings) for name in TITLES)
    return (
        f"{HEAD}{goals_section(verdicts)}## The machine\n\n{facts}\n\n{REPEAT}"
        f"## What was compared\n\n{READING}{groups}"
    ).rstrip() + "\n"


def group_section(name: str, findings: Findings) -> str:
    """Return what was measured in a group; nothing if it was left out."""
    parts = [findings.remarks[name]] if name in findings.remarks else []
    contests = [
        findings.contests[key] for key in CONTESTS.get(name, ()) if key in findings.contests
    ]
    parts += [f"**{found.title}**\n\n{contest_table(found)}" for found in contests]
    parts += _notes(contests)
    if name == "filters" and findings.growths:
        parts.append(_growth_table(findings))
    quantities = [
        findings.quantities[key] for key in QUANTITIES.get(name, ()) if key in findings.quantities
    ]
    if quantities:
        rows = [(each.name, f"{spread(each.spread)} {each.unit}") for each in quantities]
        parts.append(table(("", "measured"), rows))
    return f"### {TITLES[name]}\n\n" + "\n\n".join(parts) + "\n\n" if parts else ""


def goals_section(verdicts: Sequence[Verdict]) -> str:
    """Return the table of the goals, and the next step for each that is not reached."""
    rows = [(each.goal.name, _asked(each), _measured(each), _word(each)) for each in verdicts]
    reached = sum(each.reached for each in verdicts)
    text = f"## Goals\n\n{reached} of {len(verdicts)} are reached.\n\n{table(GOAL_HEADS, rows)}\n\n"
    steps: dict[str, list[str]] = {}
    for each in verdicts:
        if not each.reached:
            steps.setdefault(each.goal.next_step, []).append(each.goal.name)
    lines = [f"- {step}. For: {'; '.join(names)}." for step, names in steps.items()]
    return text + ("Next steps:\n\n" + "\n".join(lines) + "\n\n" if lines else "")


def contest_table(contest: Contest) -> str:
    times = any(sample.p50 is not None for each in contest.rounds.values() for sample in each)
    heads = [
        *("", f"{contest.operation}s per second", f"against {contest.base}"),
        *("CPU user", "CPU system", "CPU Redis"),
        *(("p50 ms", "p99 ms") if times else ()),
    ]
    rows = []
    for name, samples in contest.rounds.items():
        cells = [
            name,
            spread(contest.rate(name)),
            f"{spread(contest.rate_ratio(name))} times",
            *(
                figure(Spread([getattr(sample, part) for sample in samples]).median)
                for part in ("user", "system", "redis")
            ),
        ]
        for part in ("p50", "p99") if times else ():
            values = [getattr(sample, part) for sample in samples]
            cells.append("-" if None in values else figure(Spread(values).median))
        rows.append(cells)
    return table(heads, rows)


def changed_verdicts(before: str, verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line for each verdict that differs from that of an earlier page."""
    earlier = dict(GOAL_ROW.findall(before))
    return [
        f"{each.goal.name}: was {earlier[each.goal.name]}, is {each.word} ({_measured(each)})"
        for each in verdicts
        if earlier.get(each.goal.name, each.word) != each.word
    ]


def table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown. The first column is text, the others are figures."""
    heads = list(heads)
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def spread(values: Spread) -> str:
    """Return the median, and the lowest and the highest if there are several."""
    if len(values.values) == 1:
        return figure(values.median)
    return f"{figure(values.median)} ({figure(values.low)}-{figure(values.high)})"


def figure(value: float) -> str:
    """Return three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    decimals = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{decimals}f}"


def _asked(verdict: Verdict) -> str:
    goal = verdict.goal
    stretch = f" (stretch {goal.stretch:g})" if goal.stretch else ""
    return f"{'at most' if goal.at_most else 'at least'} {goal.target:g}{goal.unit}{stretch}"


def _measured(verdict: Verdict) -> str:
    return f"{spread(verdict.spread)}{verdict.goal.unit}"


def _word(verdict: Verdict) -> str:
    if not verdict.reached:
        return "**not reached**"
    return "reached, and the stretch" if verdict.stretch_reached else "reached"


def _notes(contests: Iterable[Contest]) -> list[str]:
    notes = {name: note for contest in contests for name, note in contest.notes.items()}
    return ["\n".join(f"- {name}: {note}." for name, note in notes.items())] if notes else []


def _growth_table(findings: Findings) -> str:
    return table(
        ("query", "few, ms", "many, ms", "grows"),
        (
            (
                each.name,
                figure(each.few.median),
                figure(each.many.median),
                f"{spread(each.ratio)} times",
            )
            for each in findings.growths
        ),
    )
