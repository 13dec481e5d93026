import pytest
from flask import Flask
from marshmallow import Schema, fields
from werkzeug.exceptions import UnprocessableEntity

from entrypoints.api.reading.arguments import (
    MAX_KEPT_QUERY_BYTES,
    ArgumentReader,
    StrictParser,
)


class Query(Schema):
    names = fields.String()


class CountingParser(StrictParser):
    def __init__(self) -> None:
        super().__init__()
        self.parsed = 0

    def load_querystring(self, req: object, schema: Schema) -> object:
        self.parsed += 1
        return super().load_querystring(req, schema)


@pytest.fixture
def parser() -> CountingParser:
    return CountingParser()


def read(reader: ArgumentReader, query: str) -> object:
    with Flask(__name__).test_request_context(f"/?{query}"):
        return reader.read()


def test_the_same_query_is_parsed_once(parser: CountingParser) -> None:
    reader = ArgumentReader(parser, Query(), "query")

    loaded = [read(reader, query) for query in ("names=a", "names=a", "names=b", "names=a")]

    assert loaded == [{"names": name} for name in "aaba"]
    assert parser.parsed == 2


def test_a_request_cannot_change_the_arguments_of_the_next(parser: CountingParser) -> None:
    reader = ArgumentReader(parser, Query(), "query")
    first = read(reader, "names=a")
    first["names"] = "changed"  # type: ignore[index]

    assert read(reader, "names=a") == {"names": "a"}


def test_a_wrong_query_is_refused_each_time(parser: CountingParser) -> None:
    reader = ArgumentReader(parser, Query(), "query")

    for _ in range(2):
        with pytest.raises(UnprocessableEntity):
            read(reader, "unknown=1")


def test_a_long_query_is_parsed_each_time(parser: CountingParser) -> None:
    reader = ArgumentReader(parser, Query(), "query")

    for _ in range(2):
        read(reader, "names=" + "x" * MAX_KEPT_QUERY_BYTES)

    assert parser.parsed == 2
