"""Subjects take turns, so that a change of the machine meets all of them."""

from benchmarks.contests import Entry, contest

from tests.unit.benchmarks.measuring import a_sample


def entries(turns: list[str], **members: bool) -> list[Entry]:
    """Return two entries that write down their turns. Their rates are the number of the turn."""

    def entry(name: str) -> Entry:
        def measure(_: float) -> object:
            turns.append(name)
            return a_sample(float(len(turns)))

        return Entry(name=name, measure=measure, note=f"{name} does less", **members)

    return [entry("ours"), entry("plain")]


def test_each_second_round_goes_backwards_and_a_warm_up_is_not_counted() -> None:
    turns: list[str] = []

    found = contest("Reads", entries(turns), base="plain", rounds=2, seconds=1)

    assert turns == ["ours", "plain", "ours", "plain", "plain", "ours"]
    assert found.rate("ours").values == [3.0, 6.0]
    assert found.rate("plain").values == [4.0, 5.0]
    assert found.notes == {"ours": "ours does less", "plain": "plain does less"}


def test_an_entry_can_do_without_a_warm_up() -> None:
    turns: list[str] = []

    contest("Reads", entries(turns, warm_up=False), base="plain", rounds=1, seconds=1)

    assert turns == ["ours", "plain"]
