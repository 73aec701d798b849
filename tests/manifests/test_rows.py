"""Rows of a pairs file: JSON lines, CSV, Parquet."""

import io
import tracemalloc
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neckar.pipeline.manifests.columns import Row
from neckar.pipeline.manifests.rows import iter_rows
from neckar.schemas.errors import UserError


def rows(data, name):
    return list(iter_rows(io.BytesIO(data if isinstance(data, bytes) else data.encode()), name))


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def refusal(data, name):
    with pytest.raises(UserError) as caught:
        rows(data, name)
    return str(caught.value)


def test_json_lines():
    text = '{"id": "a", "content": "x"}\n\n  \n{"settings": {"alpha": 1e-3}}'
    assert rows(text, "p.jsonl") == [
        Row("row 1", {"id": "a", "content": "x"}),
        Row("row 2 (line 4)", {"settings": {"alpha": 0.001}}),
    ]


def test_json_lines_take_a_byte_order_mark_and_carriage_returns():
    assert rows(b'\xef\xbb\xbf{"id": "a"}\r\n{"id": "b"}\r\n', "p.jsonl") == [
        Row("row 1", {"id": "a"}),
        Row("row 2", {"id": "b"}),
    ]


def test_a_bad_json_line_is_named_and_the_next_one_read():
    found = rows(b'{"id": 1,}\n{"a": NaN}\n{"a": 1, "a": 2}\n\xff\n{"id": "b"}\n', "p.jsonl")
    assert [row.place for row in found] == ["row 1", "row 2", "row 3", "row 4", "row 5"]
    assert found[0].problem.startswith("not valid JSON at column ")  # then in the words of this Python's json
    assert [row.problem for row in found[1:]] == [
        "NaN is not a JSON number; write a finite one",
        "the key 'a' stands twice; leave one out",
        "not UTF-8 text; save the file as UTF-8",
        None,
    ]


def test_a_line_without_end_is_refused_rather_than_held():
    assert refusal(b"x" * (3 << 20), "p.jsonl") == "p.jsonl: line 1: longer than 1,048,576 bytes; end each row"


def test_csv_cells_are_text_numbers_lists_or_nothing():
    text = (
        "id,content,style,alpha,seed,pooling,style_layers,normalise_activations\n"
        '1,"a, b.jpg",s.jpg,1e-3,5,max,"[conv1_1, conv2_1]",true\n'
        "\n"
        'b,a.jpg,,,,,"{conv1_1: 0.5}",\n'
    )
    assert rows(text, "p.csv") == [
        Row(
            "row 1 (line 2)",
            {
                "id": "1",
                "content": "a, b.jpg",
                "style": "s.jpg",
                "settings": {
                    "alpha": 0.001,
                    "seed": 5,
                    "pooling": "max",
                    "style_layers": ["conv1_1", "conv2_1"],
                    "normalise_activations": True,
                },
            },
        ),
        Row("row 2 (line 4)", {"id": "b", "content": "a.jpg", "settings": {"style_layers": {"conv1_1": 0.5}}}),
    ]


def test_csv_by_hand_has_blanks_after_commas_and_a_byte_order_mark():
    assert rows(b"\xef\xbb\xbfid, content, alpha\na, x.jpg, 1\n", "p.csv") == [
        Row("row 1 (line 2)", {"id": "a", "content": "x.jpg", "settings": {"alpha": 1}})
    ]


def test_a_bad_csv_row_is_named_and_the_next_one_read():
    found = rows('id,content,style_layers\na,b,c,d\na\na,b,"[conv1_1"\nb,c,\n', "p.csv")
    assert [row.problem and row.problem[:30] for row in found] == [
        "4 cells under 3 columns; mind ",
        "1 cells under 3 columns; mind ",
        "not valid YAML: did not find e",
        None,
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            "id,content,stlye\n",
            "p.csv: 'stlye' is not a column of pairs; did you mean 'style'? A column of your own: 'extra.stlye'",
        ),
        ("id,content,content\n", "p.csv: the column 'content' stands twice; leave one out"),
        ("id,alpha\n", "p.csv: no column names an image; add content, style or both"),
        ("", "p.csv: no column names an image; add content, style or both"),
        (b"content\na\n\xff\n", "p.csv: line 3: not UTF-8 text; save the file as UTF-8"),
        ('content\n"a\n', "p.csv: line 2: not valid CSV: unexpected end of data"),
    ],
)
def test_a_csv_that_cannot_be_read_is_refused(data, line):
    assert refusal(data, "p.csv") == line


def test_parquet_nulls_are_not_given():
    data = parquet(id=["a", None], content=["x", "y"], alpha=[None, 0.5], style_layers=[["conv1_1"], None])
    assert rows(data, "p.parquet") == [
        Row("row 1", {"id": "a", "content": "x", "settings": {"style_layers": ["conv1_1"]}}),
        Row("row 2", {"content": "y", "settings": {"alpha": 0.5}}),
    ]


def test_parquet_settings_are_a_struct_or_json():
    struct = parquet(content=["x"], settings=[{"alpha": 0.5, "seed": None}])
    text = parquet(content=["x", "y"], settings=['{"alpha": 0.5}', "{"], seed=[3, 4])
    assert rows(struct, "p.parquet") == [Row("row 1", {"content": "x", "settings": {"alpha": 0.5}})]
    first, second = rows(text, "p.parquet")
    assert first == Row("row 1", {"content": "x", "settings": {"alpha": 0.5, "seed": 3}})
    assert second.place == "row 2"
    assert second.problem.startswith("settings: not valid JSON")


def test_parquet_rows_are_counted_across_batches(monkeypatch):
    monkeypatch.setattr("neckar.pipeline.manifests.parquet_rows.BATCH_ROWS", 3)
    assert [row.place for row in rows(parquet(content=list("abcdefgh")), "p.parquet")] == [
        f"row {i}" for i in range(1, 9)
    ]


def test_a_parquet_file_that_cannot_be_read_is_refused():
    good = parquet(content=["x" * 50] * 1000)
    for data in (b"", b"no parquet", good[:-100], parquet(contents=["x"])):
        assert refusal(data, "p.parquet").startswith("p.parquet: ")


def test_settings_beside_columns_that_are_no_mapping_are_left_to_be_told():
    assert rows("content,settings,alpha\nx,5,1\n", "p.csv") == [Row("row 1 (line 2)", {"content": "x", "settings": 5})]


def test_a_parquet_file_damaged_anywhere_is_read_or_refused():
    good = parquet(id=["a", "b"], content=["x", "y"], alpha=[0.5, None])
    refused = 0
    for i in range(0, len(good), 3):
        data = bytearray(good)
        data[i] ^= 0xFF
        try:
            rows(bytes(data), "p.parquet")
        except UserError as error:
            refused += str(error).startswith("p.parquet: ")
    assert refused > 100


def test_columns_of_one_s_own_travel_as_they_are_written():
    text = "id,content,subject,alpha,extra.size,block\na,x.jpg,S01,0.5,large,007\nb,y.jpg,,,,\n"
    assert [row.value for row in rows(text, "p.csv")] == [
        {
            "id": "a",
            "content": "x.jpg",
            "extra": {"subject": "S01", "size": "large", "block": "007"},
            "settings": {"alpha": 0.5},
        },
        {"id": "b", "content": "y.jpg"},
    ]
    line = '{"content": "x", "subject": 3, "extra": {"site": "A"}, "settings": {"seed": 1}}'
    assert rows(line, "p.jsonl")[0].value == {
        "content": "x",
        "settings": {"seed": 1},
        "extra": {"subject": 3, "site": "A"},
    }
    columns = parquet(content=["x"], subject=[3], when=pa.array([0], pa.timestamp("s")), extra=[{"site": "A"}])
    (row,) = rows(columns, "p.parquet")
    assert row.value == {"content": "x", "extra": {"site": "A", "subject": 3, "when": "1970-01-01T00:00:00"}}


def test_a_mapping_called_levels_tells_factors_and_anything_else_of_that_name_travels():
    (row,) = rows('{"content": "x", "levels": {"alpha": "0.1"}}', "p.jsonl")
    assert row.value == {"content": "x", "levels": {"alpha": "0.1"}}
    (row,) = rows('{"content": "x", "levels": 3}', "p.jsonl")
    assert row.value == {"content": "x", "extra": {"levels": 3}}
    (row,) = rows("content,levels\nx,many\n", "p.csv")
    assert row.value == {"content": "x", "extra": {"levels": "many"}}


@pytest.mark.parametrize("name", ["aplha", "Content", "styles", "iteration", "seeds", "style "])
def test_a_name_that_may_be_a_misspelt_one_does_not_travel_silently(name):
    line = f"p.csv: {name!r} is not a column of pairs; did you mean "
    assert refusal(f"id,content,{name}\na,x,1\n" if name != "Content" else "Content,style\nx,y\n", "p.csv").startswith(
        line
    )


def test_a_setting_beside_settings_in_json_is_left_to_be_told():
    assert rows('{"content": "x", "alpha": 1}', "p.jsonl")[0].value == {"content": "x", "alpha": 1}
    assert rows('{"content": "x", "stlye": "y"}', "p.jsonl")[0].value == {"content": "x", "stlye": "y"}


def test_the_index_that_pandas_writes_is_no_column():
    assert rows(",content\n0,x\n", "p.csv")[0].value == {"content": "x"}
    assert rows("Unnamed: 0,content\n0,x\n", "p.csv")[0].value == {"content": "x"}
    table = pa.table({"content": ["x"], "__index_level_0__": [7]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert rows(buffer.getvalue(), "p.parquet")[0].value == {"content": "x"}


def test_numbers_of_parquet_mean_what_their_author_wrote():
    columns = parquet(
        content=["x"],
        alpha=pa.array([0.001], pa.float32()),
        beta=pa.array([Decimal("0.25")], pa.decimal128(10, 4)),
        iterations=pa.array([Decimal(500)], pa.decimal128(10, 2)),
        tolerance=pa.array([np.float16(0.005)], pa.float16()),
        seed=pa.array([7], pa.uint8()),
    )
    (row,) = rows(columns, "p.parquet")
    assert row.value["settings"] == {"alpha": 0.001, "beta": 0.25, "iterations": 500, "tolerance": 0.005, "seed": 7}
    assert type(row.value["settings"]["iterations"]) is int


def test_nested_nulls_are_not_given_and_maps_are_mappings():
    kind = pa.map_(pa.string(), pa.float32())
    layers = pa.array([[("conv1_1", 0.2), ("conv2_1", None)]], kind)
    assert rows(parquet(content=["x"], style_layers=layers), "p.parquet")[0].value["settings"] == {
        "style_layers": {"conv1_1": 0.2}
    }
    struct = pa.array([{"alpha": None, "style_layers": {"conv1_1": 0.5, "conv5_1": None}}])
    assert rows(parquet(content=["x"], settings=struct), "p.parquet")[0].value["settings"] == {
        "style_layers": {"conv1_1": 0.5}
    }
    twice = pa.array([[("conv1_1", 0.2), ("conv1_1", 0.3)]], kind)
    assert "stands twice" in rows(parquet(content=["x"], style_layers=twice), "p.parquet")[0].problem


def test_names_stored_as_categories_or_bytes_are_text():
    names = pa.array(["x", "y", "x"]).dictionary_encode()
    assert [row.value["content"] for row in rows(parquet(content=names), "p.parquet")] == ["x", "y", "x"]
    assert rows(parquet(content=[b"x"]), "p.parquet")[0].value == {"content": "x"}
    assert "no UTF-8 text" in rows(parquet(content=[b"\xff"]), "p.parquet")[0].problem


def test_a_small_parquet_file_that_unpacks_to_gigabytes_is_refused():
    """One long text repeated: a page of it and some bits a row."""
    bomb = parquet(content=pa.array(["x" * 500_000] * 3000).dictionary_encode())
    assert len(bomb) < 200_000
    tracemalloc.start()
    try:
        assert "unpack to 122 MiB, over the limit of 64" in refusal(bomb, "p.parquet")
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
    many = parquet(content=pa.array(["x"] * 3_000_000).dictionary_encode())
    assert "rows in" in refusal(many, "p.parquet")
    assert "cannot be different pairs" in refusal(many, "p.parquet")
