"""README's diagram and table of states say what domain/status.py says."""

import re
from pathlib import Path

from domain.status import NEXT, Status
from tests.building import a_task

README = (Path(__file__).parents[2] / "README.md").read_text()
ARROW = re.compile(r"^ +(\[\*\]|\w+) --> (\w+): \S", re.MULTILINE)


def test_the_diagram_has_exactly_the_transitions_of_the_domain() -> None:
    diagram = README.partition("stateDiagram-v2")[2].partition("```")[0]
    initial = {a_task(status).status for status in Status if status.is_waiting}

    arrows = ARROW.findall(diagram)

    transitions = {(status, following) for status in Status for following in NEXT[status]}
    assert sorted(arrows) == sorted({("[*]", status) for status in initial} | transitions)


def test_the_table_names_each_state_once_with_the_states_that_may_follow() -> None:
    table = README.partition("| status | next |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]

    found = [
        (status, sorted(following.replace("none", "").split(", ")))
        for states, following, *_ in rows
        for status in states.split(", ")
    ]

    assert sorted(found) == sorted((status, sorted(NEXT[status]) or [""]) for status in Status)
