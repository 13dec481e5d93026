"""Draw the contests as an SVG of bars, readable on light and on dark pages."""

from collections.abc import Sequence
from html import escape

from benchmarks.findings import Contest

WIDTH = 760
NAME_WIDTH = 190
BAR_WIDTH = 400
ROW, TITLE, GAP, MARGIN = 22, 26, 14, 10
STYLE = """\
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.faint { fill: #57606a; }
.ours { fill: #1a7f37; }
.other { fill: #8c959f; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.faint { fill: #9198a1; }
.ours { fill: #3fb950; }
.other { fill: #6e7681; }
}
</style>"""


def chart(contests: Sequence[Contest]) -> str:
    """Return the SVG: a panel for each contest, in it a bar for each subject."""
    parts, top = [], MARGIN
    for contest in contests:
        panel = _panel(contest, top)
        parts += panel
        top += TITLE + ROW * len(contest.rounds) + GAP
    height = top - GAP + MARGIN if contests else 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(_label(contests))}">'
    )
    return "\n".join([head, STYLE, *parts, "</svg>"]) + "\n"


def _panel(contest: Contest, top: int) -> list[str]:
    rates = {name: contest.rate(name).median for name in contest.rounds}
    most = max(rates.values())
    title = f"{contest.title}, {contest.operation}s per second"
    lines = [_text(MARGIN, top + 17, title, "title")]
    for number, (name, rate) in enumerate(rates.items()):
        y = top + TITLE + ROW * number
        width = max(round(BAR_WIDTH * rate / most), 1)
        kind = "ours" if name.startswith("ours") else "other"
        ratio = contest.rate_ratio(name).median
        figure = f"{rate:,.0f}" + ("" if name == contest.base else f" · {ratio:.3g} times")
        lines += [
            _text(MARGIN, y + 14, name),
            f'<rect class="{kind}" x="{NAME_WIDTH}" y="{y + 3}" width="{width}" height="14"/>',
            _text(NAME_WIDTH + width + 8, y + 14, figure, "faint"),
        ]
    return lines


def _label(contests: Sequence[Contest]) -> str:
    """Return the chart in words, for those who cannot see it."""
    return "; ".join(
        f"{contest.title}: "
        + ", ".join(f"{name} {contest.rate(name).median:,.0f}" for name in contest.rounds)
        for contest in contests
    )


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x}" y="{y}">{escape(text)}</text>'
