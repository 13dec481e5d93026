"""A rate limit is a number of requests in a span of time."""

from datetime import timedelta

import pytest

from domain.rate_limit import InvalidRateLimit, RateLimit


@pytest.mark.parametrize("text", ["1/second", "600/minute", "999999999/day", "5/hour"])
def test_a_limit_is_written_as_it_was_read(text: str) -> None:
    assert str(RateLimit.parse(text)) == text


def test_it_has_units_and_a_window() -> None:
    limit = RateLimit.parse("600/minute")

    assert (limit.units, limit.window) == (600, timedelta(minutes=1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "600",
        "/minute",
        "0/minute",
        "-1/minute",
        "600/week",
        "600 / minute",
        "1e3/minute",
        "1000000000/minute",
        "600/minutes",
        "600/minute\n",
        "\u0661/minute",
    ],
)
def test_anything_else_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(InvalidRateLimit, match="such as 600/minute"):
        RateLimit.parse(text)
