"""The chart is an SVG that can be read in light and dark, and by a screen reader."""

from xml.etree import ElementTree

from benchmarks.chart import BAR_WIDTH, WIDTH, chart
from benchmarks.findings import Contest

from tests.unit.benchmarks.measuring import a_contest, a_sample

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*contests: Contest) -> ElementTree.Element:
    return ElementTree.fromstring(chart(contests))


def texts(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def test_a_bar_is_as_long_as_its_part_of_the_longest_one() -> None:
    bars = list(drawn(a_contest()).iter(f"{SVG}rect"))

    assert [bar.get("class") for bar in bars] == ["ours", "other"]
    assert [int(bar.get("width", 0)) for bar in bars] == [BAR_WIDTH, round(BAR_WIDTH / 3)]


def test_each_bar_has_its_name_its_rate_and_its_ratio() -> None:
    assert texts(drawn(a_contest())) == [
        *("Submit tasks, tasks per second", "ours", "300 · 3 times", "plain", "100"),
    ]


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    picture = drawn(a_contest(), a_contest(), a_contest())
    height = int(picture.get("height", 0))

    bottoms = [
        float(bar.get("y", 0)) + float(bar.get("height", 0)) for bar in picture.iter(f"{SVG}rect")
    ]
    assert len(bottoms) == 6
    assert max(bottoms) < height
    assert all(float(each.get("x", 0)) < WIDTH for each in picture.iter(f"{SVG}text"))


def test_the_chart_has_colours_for_dark_pages_and_a_text_for_those_who_cannot_see_it() -> None:
    picture = drawn(a_contest())

    assert "prefers-color-scheme: dark" in chart([a_contest()])
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == "Submit tasks: ours 300, plain 100"


def test_names_are_escaped() -> None:
    samples = {'<b> & "c"': [a_sample()], "plain": [a_sample()]}

    assert '<b> & "c"' in texts(drawn(a_contest(rounds=samples)))


def test_a_chart_of_nothing_is_an_empty_picture() -> None:
    assert texts(drawn()) == []
