import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neckar.jobs.output.streams import Format, format_of, write
from neckar.schemas.errors import UserError

MOMENT = datetime(2026, 11, 22, 12, 30, 15, 250_000, tzinfo=UTC)

TABLE = pa.table(
    {
        "pair_id": ["a", "b[bold]"],
        "loss": pa.array([123456789.0, float("nan")]),
        "count": pa.array([Decimal(3), None], pa.decimal128(38, 0)),
        "at": pa.array([MOMENT, None], pa.timestamp("us", tz="UTC")),
        "layers": [["conv1_1", "conv2_1"], []],
        "levels": pa.array([[("alpha", "0.001")], []], pa.map_(pa.string(), pa.string())),
        "ok": [True, False],
    }
)


def written(form, table=TABLE):
    out = io.BytesIO()
    write(table.to_reader(), form, out)
    return out.getvalue()


def test_json_is_an_array_of_rows_in_plain_types():
    assert json.loads(written(Format.JSON)) == [
        {
            "pair_id": "a",
            "loss": 123456789.0,
            "count": 3,
            "at": "2026-11-22T12:30:15.250000+00:00",
            "layers": ["conv1_1", "conv2_1"],
            "levels": {"alpha": "0.001"},
            "ok": True,
        },
        {"pair_id": "b[bold]", "loss": None, "count": None, "at": None, "layers": [], "levels": {}, "ok": False},
    ]


def test_csv_keeps_every_digit_and_writes_nested_values_as_json():
    header, first, second = csv.reader(io.StringIO(written(Format.CSV).decode()))
    assert header == TABLE.column_names
    assert float(first[1]) == 123456789.0
    assert first[3] == MOMENT.isoformat()
    assert json.loads(first[4]) == ["conv1_1", "conv2_1"]
    assert json.loads(first[5]) == {"alpha": "0.001"}
    assert second == ["b[bold]", "", "", "", "[]", "{}", "false"]


def test_parquet_keeps_types():
    assert pq.read_table(io.BytesIO(written(Format.PARQUET))).schema.types == TABLE.schema.types


def test_table_is_for_people():
    lines = written(Format.TABLE).decode().splitlines()
    assert lines[0].split() == TABLE.column_names
    assert "1.23457e+08" in lines[2]
    assert "2026-11-22 12:30:15+00:00" in lines[2]
    assert "b[bold]" in lines[3]  # no markup
    assert lines[-1] == "2 rows"


@pytest.mark.parametrize("form", [Format.TABLE, Format.CSV, Format.JSON])
def test_one_name_twice_keeps_both_columns(form):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["loss", "loss"])
    assert b"loss_2" in written(form, twice)
    assert b"2" in written(form, twice).replace(b"loss_2", b"").replace(b"rows", b"")


def test_no_rows():
    assert json.loads(written(Format.JSON, TABLE.slice(0, 0))) == []
    assert next(csv.reader(io.StringIO(written(Format.CSV, TABLE.slice(0, 0)).decode()))) == TABLE.column_names


def test_intervals_are_seconds_in_every_format():
    spans = pa.array([(1, 2, 3_500_000_000), None], pa.month_day_nano_interval())
    table = pa.table({"took": spans})
    assert pq.read_table(io.BytesIO(written(Format.PARQUET, table)))["took"].to_pylist() == [32 * 86_400 + 3.5, None]
    assert json.loads(written(Format.JSON, table)) == [{"took": 2_764_803.5}, {"took": None}]
    assert written(Format.CSV, table).decode().splitlines() == ['"took"', "2764803.5", ""]


class Terminal(io.BytesIO):
    def isatty(self):
        return True


def on_terminal(table, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    write(table.to_reader(), Format.TABLE, out)
    return out.getvalue().decode().splitlines()


def test_a_terminal_shows_forty_rows_and_tells_of_the_others(monkeypatch):
    lines = on_terminal(pa.table({"n": list(range(1234))}), monkeypatch, 80)
    assert [line.strip() for line in lines[2:42]] == [str(n) for n in range(40)]
    assert " ".join(lines[42:]).startswith("40 of 1,234 rows; --output FILE writes all")


def test_a_row_too_wide_for_the_terminal_stands_upright(monkeypatch):
    lines = on_terminal(TABLE, monkeypatch, 40)
    assert lines[0] == "row 1"
    assert lines[1].split() == ["pair_id", "a"]
    assert "ok       false" in lines
    assert lines[-1] == "2 rows"


@pytest.mark.parametrize(
    ("output", "asked", "found"),
    [
        (None, None, Format.TABLE),
        ("rows.parquet", None, Format.PARQUET),
        ("ROWS.CSV", None, Format.CSV),
        ("s3://b/rows.json", Format.JSON, Format.JSON),
        ("rows", Format.CSV, Format.CSV),
    ],
)
def test_a_file_s_name_says_its_format(output, asked, found):
    assert format_of(output, asked) is found


@pytest.mark.parametrize(("output", "asked"), [("rows.xlsx", None), ("rows", None), ("rows.csv", Format.JSON)])
def test_a_name_that_says_nothing_or_something_else(output, asked):
    with pytest.raises(UserError, match=f"--output {output}"):
        format_of(output, asked)
    assert written(Format.TABLE, TABLE.slice(0, 0)).decode().splitlines()[-1] == "0 rows"
