"""Tables of the figures of both services and of the factor between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One quantity with one figure per round and service.

    Figures with the same index were measured right after each other.
    """

    name: str
    ours: Sequence[float]
    plain: Sequence[float]
    more_is_better: bool = False

    @property
    def factors(self) -> list[float]:
        """Return how many times better our service was in each round; below 1 it was worse."""
        pairs = zip(self.ours, self.plain, strict=True)
        return [ours / plain if self.more_is_better else plain / ours for ours, plain in pairs]

    @property
    def cells(self) -> list[str]:
        factors = self.factors
        spread = f"{min(factors):.2f} to {max(factors):.2f}" if len(factors) > 1 else ""
        return [
            self.name,
            shown(median(self.ours)),
            shown(median(self.plain)),
            f"{median(factors):.2f}",
            spread,
        ]


@dataclass(frozen=True)
class Growth:
    """One quantity of one service with few and with many stored tasks, one figure per round."""

    name: str
    few: Sequence[float]
    many: Sequence[float]

    @property
    def cells(self) -> list[str]:
        factors = [many / few for few, many in zip(self.few, self.many, strict=True)]
        spread = f"{min(factors):.2f} to {max(factors):.2f}" if len(factors) > 1 else ""
        return [
            self.name,
            shown(median(self.few)),
            shown(median(self.many)),
            f"{median(factors):.2f}",
            spread,
        ]


def shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def table(heads: Sequence[str], rows: Sequence[Row | Growth]) -> str:
    """Return the table in Markdown."""
    lines = [list(heads), ["---"] + ["---:"] * (len(heads) - 1), *(row.cells for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
