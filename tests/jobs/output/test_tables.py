import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neckar.jobs.output.tables import Format, write

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
    write(table, form, out)
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
    assert first[1] == "123456789.0"
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
    assert written(Format.CSV, TABLE.slice(0, 0)).decode().splitlines() == [",".join(TABLE.column_names)]
    assert written(Format.TABLE, TABLE.slice(0, 0)).decode().splitlines()[-1] == "0 rows"
