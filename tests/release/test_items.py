"""Labels, waivers and texts of a release."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neckar.pipeline.release.brainio import columns_named
from neckar.pipeline.release.columns import meaning_of, text_of
from neckar.pipeline.release.items import labels_of, read_waivers
from neckar.pipeline.release.psychopy import RESERVED, conditions, is_number, word
from neckar.pipeline.trials.stimulus import Trial
from neckar.schemas.errors import UserError


@given(st.lists(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"), min_size=1, max_size=20, unique=True))
def test_labels_are_legal_and_distinct_whatever_the_ids(ids):
    labels = labels_of(ids)
    assert labels.keys() == set(ids)
    assert all(re.fullmatch(r"[0-9a-zA-Z+]+", label) and len(label) <= 100 for label in labels.values())
    assert len({label.lower() for label in labels.values()}) == len(ids)


def test_a_label_stays_when_other_stimuli_come():
    assert labels_of(["a__b", "a.b"])["a.b"] == labels_of(["a.b"])["a.b"] == "a+b"


def test_waivers_have_a_reason():
    found = read_waivers(b"pair_id\treason\na\tby hand\nb\tchecked twice\n", "w.tsv")
    assert found.reasons == {"a": "by hand", "b": "checked twice"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a table of waivers"),
        (b"id\treason\n", "not a table of waivers"),
        (b"pair_id\treason\na\t\n", "row 1: a waiver has a pair_id and a reason"),
        (b"pair_id\treason\na\tx\na\ty\n", "row 2: 'a' is waived twice"),
        (b"pair_id\treason\na\n", "row 1: a waiver has"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_a_bad_table_of_waivers_is_told(data, told):
    with pytest.raises(UserError, match=told):
        read_waivers(data, "w.tsv")


def test_texts_come_back_and_stay_in_their_cell():
    assert text_of(None) == "n/a"
    assert float(text_of(0.1 + 0.2)) == 0.1 + 0.2
    assert text_of(["conv1_1", "conv2_1"]) == "conv1_1+conv2_1"
    assert text_of("a\tb\nc") == "a b c"
    assert (text_of(True), text_of([])) == ("true", "n/a")


def test_every_column_has_a_meaning():
    assert "luminance" in meaning_of("lum_mean")["meaning"]
    assert meaning_of("lum_mean")["unit"] == "relative luminance, 0-1"
    assert meaning_of("content.artist")["meaning"] == "artist of the content's source, from its table"
    assert meaning_of("style_layers") != meaning_of("my_factor")


def test_columns_of_brainio_are_plain_and_distinct():
    assert columns_named(["content.category", "content_category", "Filename", "***"]) == [
        "content_category",
        "content_category_",
        "filename_",
        "column",
    ]


@pytest.mark.parametrize("text", ["12", "1e-5", "inf", "nan", "NA", "None", "null", "[1, 2]", "", "1,000", "-3"])
def test_no_cell_of_words_is_read_as_something_else(text):
    made = word(text)
    assert not is_number(made)
    assert made not in RESERVED
    assert not made.startswith("[")


def test_in_a_column_every_cell_is_a_number_or_none_is():
    class Known:
        def __init__(self, name):
            self.id, self.filename = f"stim-{name}", f"stim-{name}_image.png"

    known = {name: Known(name) for name in ("1", "2", "x")}
    own = [Trial("oddity", "1", "made", ("1", "2", "x"), 3), Trial("oddity", "inf", "catch", ("x", "x", "1"), 3)]
    header, *rows = csv.reader(io.StringIO(conditions(own, known).decode()))
    for name, *cells in zip(header, *rows, strict=True):
        assert re.fullmatch(r"[A-Za-z]\w*", name)
        assert len({is_number(cell) for cell in cells}) == 1, name
