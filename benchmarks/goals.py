"""The goals of performance, and whether a run reached them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.findings import Findings, Spread

OURS = "ours"
WITH_KEY = "with a key"
TIMES = " times"

LEAN_REQUEST = "profile a request again, and begin with what gunicorn does for each one"
FEWER_CHECKS = "profile a request with a key, and remember more of what its key decides"
VERSIONS_FIRST = "ask Redis for versions, and for records only of tasks that are not kept"
PROFILE_PAGES = "profile a page whose records are not kept, and begin with what Redis does for it"
CLAIM_MANY = "claim several tasks at once while tasks take no time, each with a lease of its own"
WAIT_ITSELF = "let an idle child wait for its queue itself instead of for a Celery message"
API_FIRST = "start worker and maintenance when the API responds, which they slow down until then"

Figure = Callable[[Findings], Spread]


@dataclass(frozen=True, kw_only=True)
class Goal:
    name: str
    figure: Figure
    """Raises KeyError when the run did not measure it."""
    target: float
    at_most: bool = False
    """True if the figure may be at most `target`; otherwise it must be at least that."""
    stretch: float | None = None
    unit: str
    """The unit with a leading space, such as TIMES."""
    next_step: str
    """The next step if the goal is not reached."""

    def is_met_by(self, figure: float, target: float) -> bool:
        return figure <= target if self.at_most else figure >= target


@dataclass(frozen=True)
class Verdict:
    """A goal with what a run measured of it."""

    goal: Goal
    spread: Spread

    @property
    def reached(self) -> bool:
        return self.goal.is_met_by(self.spread.median, self.goal.target)

    @property
    def stretch_reached(self) -> bool:
        stretch = self.goal.stretch
        return stretch is not None and self.goal.is_met_by(self.spread.median, stretch)

    @property
    def word(self) -> str:
        return "reached" if self.reached else "not reached"


def verdicts(findings: Findings, goals: Sequence[Goal] | None = None) -> list[Verdict]:
    """Return the verdicts on the goals that the run measured, in the order of the goals."""
    found = []
    for goal in GOALS if goals is None else goals:
        try:
            spread = goal.figure(findings)
        except KeyError:
            continue
        found.append(Verdict(goal, spread))
    return found


def rate(contest: str, subject: str = OURS, *, base: str | None = None) -> Figure:
    """Return the figure of a ratio of rates; `base` is another subject than the contest's own."""
    return lambda findings: findings.contests[contest].rate_ratio(subject, base)


def cpu(contest: str, subject: str = OURS) -> Figure:
    return lambda findings: findings.contests[contest].cpu_ratio(subject)


def quantity(key: str) -> Figure:
    return lambda findings: findings.quantities[key].spread


GOALS = (
    Goal(
        name="POST /tasks: rate against the plain service",
        figure=rate("submit"),
        target=2.5,
        stretch=3.7,
        unit=TIMES,
        next_step=LEAN_REQUEST,
    ),
    Goal(
        name="POST /tasks: CPU of the server per request against the plain service",
        figure=cpu("submit"),
        target=0.5,
        at_most=True,
        unit=TIMES,
        next_step=LEAN_REQUEST,
    ),
    Goal(
        name="GET /tasks/<id>: rate against the plain service",
        figure=rate("get one"),
        target=1.2,
        stretch=2,
        unit=TIMES,
        next_step=LEAN_REQUEST,
    ),
    Goal(
        name="List of 10, 100,000 stored: rate against the plain service",
        figure=rate("list of 10"),
        target=3,
        stretch=5,
        unit=TIMES,
        next_step=VERSIONS_FIRST,
    ),
    Goal(
        name="List of 100, 100,000 stored: rate against the plain service",
        figure=rate("list of 100"),
        target=8,
        stretch=12,
        unit=TIMES,
        next_step=VERSIONS_FIRST,
    ),
    Goal(
        name="List of 10 read for the first time: rate against the plain service",
        figure=rate("first list of 10"),
        target=1.5,
        unit=TIMES,
        next_step=PROFILE_PAGES,
    ),
    Goal(
        name="List of 100 read for the first time: rate against the plain service",
        figure=rate("first list of 100"),
        target=2,
        unit=TIMES,
        next_step=PROFILE_PAGES,
    ),
    Goal(
        name="Batch of 1,000: tasks per second against the plain service's POSTs",
        figure=rate("submit", "ours, batches of 1,000"),
        target=25,
        stretch=40,
        unit=TIMES,
        next_step="build the JSON of a batch from one text, of which only ids and times differ",
    ),
    Goal(
        name="Two filters combined, 100,000 stored: time against the slower one alone",
        figure=quantity("combined"),
        target=3,
        stretch=1.5,
        at_most=True,
        unit=TIMES,
        next_step=("read all sizes in one round trip, and less than 500 entries for a page of 10"),
    ),
    Goal(
        name="Empty tasks, 2 children: rate against plain Celery",
        figure=rate("empty tasks, 2"),
        target=5,
        stretch=7,
        unit=TIMES,
        next_step=CLAIM_MANY,
    ),
    Goal(
        name="Empty tasks, 4 children: rate against plain Celery",
        figure=rate("empty tasks, 4"),
        target=6,
        stretch=7,
        unit=TIMES,
        next_step=CLAIM_MANY,
    ),
    *(
        Goal(
            name=f"Empty tasks, {children} children: rate against {peer}",
            figure=rate(f"empty tasks, {children}", base=peer),
            target=1,
            unit=TIMES,
            next_step=CLAIM_MANY,
        )
        for peer in ("Dramatiq", "Huey")
        for children in (2, 4)
    ),
    *(
        Goal(
            name=f"{operation} with a key: CPU of the server against the same without keys",
            figure=cpu(contest, WITH_KEY),
            target=1.03,
            at_most=True,
            unit=TIMES,
            next_step=FEWER_CHECKS,
        )
        for operation, contest in (
            ("POST /tasks", "submit with a key"),
            ("GET /tasks/<id>", "get one with a key"),
        )
    ),
    Goal(
        name="From POST to the start of the run, idle, p50",
        figure=quantity("start p50"),
        target=5,
        stretch=2,
        at_most=True,
        unit=" ms",
        next_step=WAIT_ITSELF,
    ),
    Goal(
        name="From POST to the start of the run, idle, p99",
        figure=quantity("start p99"),
        target=20,
        at_most=True,
        unit=" ms",
        next_step=WAIT_ITSELF,
    ),
    Goal(
        name="100,000 stored against 1,000: time of the slowest-growing filter or page",
        figure=quantity("growth"),
        target=1.3,
        at_most=True,
        unit=TIMES,
        next_step="profile the query that grows most; each is a range of one index",
    ),
    Goal(
        name="Redis memory per final task, all indexes and its share of events",
        figure=quantity("final bytes"),
        target=800,
        stretch=630,
        at_most=True,
        unit=" bytes",
        next_step="store the fields that most tasks share once instead of in each record",
    ),
    Goal(
        name="Memory (PSS) of API 2 + worker 4 + maintenance, idle",
        figure=quantity("idle PSS"),
        target=250,
        stretch=180,
        at_most=True,
        unit=" MB",
        next_step="fork API, worker and maintenance from one process that has imported everything",
    ),
    Goal(
        name="First start of `make run` after installation to the first response",
        figure=quantity("first start"),
        target=3,
        at_most=True,
        unit=" s",
        next_step=API_FIRST,
    ),
    Goal(
        name="Second start of `make run` to the first response",
        figure=quantity("second start"),
        target=2,
        at_most=True,
        unit=" s",
        next_step=API_FIRST,
    ),
)
