"""The spelling of Redis URLs that kombu knows."""

import pytest

from adapters.celery.app import broker_url


@pytest.mark.parametrize(
    ("ours", "kombus"),
    [
        ("redis://:pw@h:1/3", "redis://:pw@h:1/3"),
        ("unix:///run/a%20b.sock?db=3", "redis+socket:///run/a%20b.sock?virtual_host=3"),
        ("unix://:pw@/run/r.sock", "redis+socket://:pw@/run/r.sock?virtual_host=0"),
        ("sentinel://:pw@a:1,b:2/m?db=3", "redis://sentinels"),
    ],
)
def test_a_unix_socket_is_spelled_as_kombu_has_it(ours: str, kombus: str) -> None:
    assert broker_url(ours) == kombus
