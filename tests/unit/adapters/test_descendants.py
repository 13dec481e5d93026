"""Processes that work leaves behind are found and killed, and those that are to be kept are not."""

import subprocess
import sys

import pytest

from adapters.supervision.descendants import Descendants

KILLING = """
import os, subprocess, sys, time
from adapters.supervision.descendants import Descendants, has_children
from adapters.supervision.linux import adopt_orphans
adopt_orphans()
command = "setsid sh -c 'sleep 600 & sleep 600' & setsid sleep 600 & echo; wait"
shell = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE)
shell.stdout.readline()
assert Descendants().end()
assert not has_children()
"""
CHILDLESS = """
from adapters.supervision.descendants import Descendants, has_children
assert not has_children()
assert Descendants().end()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl(2) and /proc")
def test_trees_and_daemons_are_killed() -> None:
    subprocess.run([sys.executable, "-c", KILLING], check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_is_to_be_kept_is_kept() -> None:
    descendants = Descendants()
    with subprocess.Popen(["sleep", "600"]) as kept:
        descendants.spare()
        with subprocess.Popen(["sleep", "600"]) as other:
            assert descendants.end()
            assert other.poll() is not None
        assert kept.poll() is None
        kept.kill()


def test_without_children_there_is_nothing_to_do() -> None:
    subprocess.run([sys.executable, "-c", CHILDLESS], check=True, timeout=60)
