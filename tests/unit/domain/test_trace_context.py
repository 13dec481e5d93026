"""Which traces of callers are taken over, and what is passed on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.trace_context import MAX_STATE_LENGTH, TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


def test_a_valid_context_is_passed_on_unchanged() -> None:
    context = TraceContext.parse(VALID, "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")

    assert context is not None
    assert (context.trace_id, context.span_id) == (TRACE, SPAN)
    assert context.headers == {
        "traceparent": VALID,
        "tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
    }


@pytest.mark.parametrize(("flags", "is_sampled"), [("01", True), ("00", False), ("03", True)])
def test_the_flags_say_whether_the_trace_is_recorded(flags: str, is_sampled: bool) -> None:
    context = TraceContext.parse(f"00-{TRACE}-{SPAN}-{flags}")

    assert context is not None
    assert context.is_sampled is is_sampled
    assert context.headers == {"traceparent": f"00-{TRACE}-{SPAN}-{flags}"}


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "00",
        VALID.upper(),
        f"{VALID}-extra",
        f"{VALID} {VALID}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0g",
        f"00_{TRACE}_{SPAN}_01",
        f"01-{TRACE}-{SPAN}-01.more",
        f"{VALID},{VALID}",
        f"{VALID}\n",
        "\u0660\u0660" + VALID[2:],
    ],
)
def test_an_invalid_traceparent_counts_as_none(traceparent: str) -> None:
    assert TraceContext.parse(traceparent, "a=1") is None


@pytest.mark.parametrize("rest", ["", "-", "-what-a-later-version-adds"])
def test_of_a_later_version_the_known_members_are_used(rest: str) -> None:
    assert TraceContext.parse(f"cc-{TRACE}-{SPAN}-01{rest}") == TraceContext(VALID)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" a=1 ,\tb=2 ", "a=1,b=2"),
        ("a=1,,b=2,", "a=1,b=2"),
        ("tenant@vendor=x y~", "tenant@vendor=x y~"),
        ("a=1,B=2", ""),
        ("a", ""),
        ("a=", ""),
        ("a=b=c", ""),
        ("a=é", ""),
        ("a=1\x00", ""),
    ],
)
def test_a_tracestate_is_kept_if_all_of_it_is_valid(given: str, kept: str) -> None:
    context = TraceContext.parse(VALID, given)

    assert context is not None
    assert context.tracestate == kept


def test_a_long_tracestate_loses_its_last_members() -> None:
    members = [f"vendor{number}={'x' * 100}" for number in range(8)]

    context = TraceContext.parse(VALID, ",".join(members))

    assert context is not None
    assert context.tracestate == ",".join(members[:4])
    assert TraceContext.parse(VALID, ",".join(["a=1"] * 40)) == TraceContext(
        VALID, ",".join(["a=1"] * 32)
    )


@given(st.text(), st.text())
def test_any_text_is_a_bounded_header_or_none(traceparent: str, tracestate: str) -> None:
    for given_parent in (traceparent, VALID):
        context = TraceContext.parse(given_parent, tracestate)
        if context is not None:
            for value in context.headers.values():
                assert value.isascii()
                assert value.isprintable()
                assert len(value) <= MAX_STATE_LENGTH
