"""YAML by the core schema of YAML 1.2, and what is refused in it."""

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.manifests.yaml_document import parse_yaml, scalar
from neckar.schemas.errors import UserError


def refusal(text):
    with pytest.raises(UserError) as caught:
        parse_yaml(text, "jobs.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.0e-3", 0.001),
        ("1E+3", 1000.0),
        ("-1e3", -1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("-12", -12),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        # text in 1.2, traps of 1.1
        ("no", "no"),
        ("on", "on"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("nan", "nan"),
        ("1e", "1e"),
        ("0b1", "0b1"),
        ("9" * 5000, math.inf),  # beyond what Python reads as an integer
    ],
)
def test_scalar(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_scalar_nan():
    assert math.isnan(scalar(".nan"))


def test_a_document():
    text = """
    a: [1e-3, '1e-3', "no", no]
    b: {c: null, d: ~}
    e: |
      1
    f:
      - g: 1
      - [[], {}]
    """
    assert parse_yaml(text, "") == {
        "a": [0.001, "1e-3", "no", "no"],
        "b": {"c": None, "d": None},
        "e": "1\n",
        "f": [{"g": 1}, [[], {}]],
    }


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n", "---\n...\n"])
def test_an_empty_document(text):
    assert parse_yaml(text, "") is None


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_pyyaml_writes_is_read_back(value):
    assert parse_yaml(yaml.safe_dump(value), "") == value


def test_aliases_stand_for_their_anchor():
    assert parse_yaml("a: &x [1, 2]\nb: *x\nc: {d: *x}", "") == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


def test_thousands_of_aliases_of_small_things_are_fine():
    assert len(parse_yaml("a: &x {alpha: 1}\nb: [" + "*x, " * 10_000 + "]", "")["b"]) == 10_000


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join([f'*{b}'] * 9)}]\n" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (BOMB, "jobs.yaml: line 6: aliases expand to more than 100,000 nodes; write values out"),
        ("a: &a [*a]", "jobs.yaml: line 1: the alias '*a' stands before or inside its anchor"),
        ("a: *b\nb: &b 1", "jobs.yaml: line 1: the alias '*b' stands before or inside its anchor"),
        ("[" * 33, "jobs.yaml: line 1: nested more than 32 deep"),
        ("[" * 1_000_000, "jobs.yaml: line 1: nested more than 32 deep"),
        (
            "a: !!python/object/apply:os.system ['touch pwned']",
            "jobs.yaml: line 1: the tag '!!python/object/apply:os.system' is not read here; write the plain value",
        ),
        (
            "a: !!python/name:os.system",
            "jobs.yaml: line 1: the tag '!!python/name:os.system' is not read here; write the plain value",
        ),
        ("a: !include b.yaml", "jobs.yaml: line 1: the tag '!include' is not read here; write the plain value"),
        ("a: !!float 1", "jobs.yaml: line 1: the tag '!!float' is not read here; write the plain value"),
        ("a: 1\nb: 2\na: 3", "jobs.yaml: line 3: the key 'a' stands twice; leave one out"),
        ("x:\n  - {a: 1, a: 1}", "jobs.yaml: line 2: the key 'a' stands twice; leave one out"),
        ("? [a]\n: 1", "jobs.yaml: line 1: a collection cannot be a key"),
        ("a: 1\n---\nb: 2", "jobs.yaml: line 2: a second document begins here; write one document a file"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_refused(text, line):
    assert refusal(text) == line


@pytest.mark.parametrize("text", ["a: [1, 2\n", "a: 'x\n", "a: b: c", "\tx: 1", "a: &x\n*y z", "%FOO\n", "a: 1\n b: 2"])
def test_what_is_no_yaml_is_told_in_one_line_with_its_line(text):
    message = refusal(text)
    assert message.startswith("jobs.yaml: line ")
    assert "not valid YAML" in message or "alias" in message
    assert "\n" not in message


def test_a_character_yaml_does_not_allow():
    message = refusal("a: \x00")
    assert message.startswith("jobs.yaml")
    assert "not valid YAML" in message
    assert "\n" not in message


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        parse_yaml(text, "jobs.yaml")
    except UserError as error:
        message = str(error)
    else:
        return
    assert "\n" not in message
