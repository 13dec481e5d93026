"""Sums of everything that was counted since the service was first started, in bounded space."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from application.series import OTHERS, Counts, Interval

MAX_NAMES = 200
"""Queues, or types, that are shown each by its name. All others are shown as OTHER_NAME."""
OTHER_NAME = "other"
"""The name of all others. A queue or type of this name is one of them."""
IDLE_MINUTES = 24 * 60
"""Time without any count after which a name gives its place to a new one."""


@dataclass
class Total(Counts):
    """The sums of one queue or type."""

    latest: int = 0
    """The last minute since 1970 in which something was counted."""


@dataclass
class TaskTotals:
    """Sums by queue and by type. Those of OTHERS are of all without a place of their own.

    The sums of a name never fall, so that monitoring can take the difference of two readings.
    """

    queues: dict[str, Total] = field(default_factory=dict)
    types: dict[str, Total] = field(default_factory=dict)

    def add(self, interval: Interval, minute: int) -> None:
        """Add the sums of a minute that is over. A new name may replace an idle one."""
        _add(self.queues, interval.queues, minute)
        _add(self.types, interval.types, minute)

    def show(self, interval: Interval) -> None:
        """Add the sums of a minute that is not over, for one reading.

        New names are left out where there is no place for all of them: which of them will have a
        place is not known before the minute is over.
        """
        _show(self.queues, interval.queues)
        _show(self.types, interval.types)


def shown_names(names: Iterable[str], totals: Mapping[str, Total]) -> set[str]:
    """Return up to MAX_NAMES of these names: first those that have totals of their own."""
    ordered = sorted({*names} - {OTHER_NAME}, key=lambda name: (name not in totals, name))
    return set(ordered[:MAX_NAMES])


def _add(totals: dict[str, Total], groups: Mapping[str, Counts], minute: int) -> None:
    active = [name for name, counts in groups.items() if counts.of.total()]
    for name in sorted(active, key=lambda name: (name not in totals, -groups[name].activity)):
        total = totals.setdefault(_place(totals, name, minute), Total())
        total.follow(groups[name])
        total.latest = max(total.latest, minute)


def _place(totals: dict[str, Total], name: str, minute: int) -> str:
    """Return the name under which to count: OTHERS when no place is free."""
    if name in {OTHERS, OTHER_NAME}:
        return OTHERS
    named = totals.keys() - {OTHERS}
    if name in named or len(named) < MAX_NAMES:
        return name
    idle = min(named, key=lambda each: (totals[each].latest, each))
    if totals[idle].latest > minute - IDLE_MINUTES:
        return OTHERS
    del totals[idle]
    return name


def _show(totals: dict[str, Total], groups: Mapping[str, Counts]) -> None:
    known = {*totals, OTHERS, OTHER_NAME}
    new = [name for name in groups if name not in known]
    room = MAX_NAMES - len(totals.keys() - {OTHERS})
    for name, counts in groups.items():
        if name in known or len(new) <= room:
            place = OTHERS if name == OTHER_NAME else name
            totals.setdefault(place, Total()).follow(counts)
