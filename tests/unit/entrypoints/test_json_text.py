import json

from hypothesis import given
from hypothesis import strategies as st

from entrypoints.api.json_text import to_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(values)
def test_the_text_means_the_value(value: object) -> None:
    assert json.loads(to_json(value)) == value


def test_integers_of_any_length_stay_exact() -> None:
    assert to_json({"big": 2**200}) == b'{"big":%d}' % 2**200


def test_the_text_is_compact_utf_8() -> None:
    assert to_json({"é": [1, "ü"]}) == '{"é":[1,"ü"]}'.encode()


def test_a_lone_surrogate_of_a_damaged_record_is_escaped() -> None:
    assert to_json({"é": "\ud800"}) == b'{"\\u00e9":"\\ud800"}'
