"""Hold what was measured: samples of subjects that took turns, and single quantities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The figures of several rounds."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The figures of one subject in one round."""

    rate: float
    """Operations per second."""
    user: float
    """CPU of the subject's own processes in user mode, in ms per operation."""
    system: float
    """The same in the kernel."""
    redis: float
    """CPU of its Redis server, in ms per operation."""
    p50: float | None = None
    """Latency in ms; None when there is none to measure."""
    p99: float | None = None

    @property
    def server(self) -> float:
        """Return the CPU without Redis, in ms per operation."""
        return self.user + self.system


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One operation, measured for several subjects that took turns in rounds."""

    title: str
    operation: str
    """The noun of what is counted: "request" or "task"."""
    base: str
    """The name of the subject to which the ratios refer."""
    rounds: Mapping[str, Sequence[Sample]]
    """The samples of each subject. Samples with one index were taken right after each other."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Differences of each subject that readers must know, such as a feature that it lacks."""

    def rate(self, name: str) -> Spread:
        return Spread([sample.rate for sample in self.rounds[name]])

    def rate_ratio(self, name: str, base: str | None = None) -> Spread:
        """Return how many times as many operations this subject did as the base, in each round."""
        pairs = zip(self.rounds[name], self.rounds[base or self.base], strict=True)
        return Spread([one.rate / other.rate for one, other in pairs])

    def cpu_ratio(self, name: str) -> Spread:
        """Return the CPU of this subject's own processes against the base's, in each round."""
        pairs = zip(self.rounds[name], self.rounds[self.base], strict=True)
        return Spread([one.server / max(other.server, 1e-9) for one, other in pairs])


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One figure that is not an operation's rate, with one value per round."""

    name: str
    unit: str
    spread: Spread


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The time of one query, in ms, with few and with many tasks stored."""

    name: str
    few: Spread
    many: Spread

    @property
    def ratio(self) -> Spread:
        pairs = zip(self.few.values, self.many.values, strict=True)
        return Spread([many / few for few, many in pairs])


@dataclass
class Findings:
    """Everything that a run has measured, by short names."""

    contests: dict[str, Contest] = field(default_factory=dict)
    quantities: dict[str, Quantity] = field(default_factory=dict)
    growths: list[Growth] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)
    """A sentence about each group, by its name, with amounts that are known only at run time."""

    def add_quantity(self, key: str, name: str, unit: str, *values: float) -> None:
        self.quantities[key] = Quantity(name=name, unit=unit, spread=Spread(values))
