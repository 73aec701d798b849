"""Strict JSON."""

import pytest

from neckar.pipeline.manifests.json_document import NotJson, parse_json


def test_json():
    assert parse_json('{"a": [1e-3, null, {"b": "c"}]}') == {"a": [0.001, None, {"b": "c"}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands twice; leave one out"),
        ('{"x": [{"b": 1, "a": 1, "b": 1}]}', "the key 'b' stands twice; leave one out"),
        ('{"a": NaN}', "NaN is not a JSON number; write a finite one"),
        ("[-Infinity]", "-Infinity is not a JSON number; write a finite one"),
        ('{"a": 1', "not valid JSON at column 8: Expecting ',' delimiter"),
        ('{"a": 1,\n "b" 2}', "not valid JSON at line 2, column 6: Expecting ':' delimiter"),
        ('{"a": 1} x', "not valid JSON at column 10: Extra data"),
        ("", "not valid JSON at column 1: Expecting value"),
        ("9" * 5000, "not valid JSON: a number has too many digits"),
        ("[" * 100_000, "not valid JSON: nested too deeply"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_refused(text, message):
    with pytest.raises(NotJson) as caught:
        parse_json(text)
    assert str(caught.value) == message
