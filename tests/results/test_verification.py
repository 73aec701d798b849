"""Every file of a run against its rows: what is gone, cut, changed or another's is told, and can be mended."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from neckar.pipeline.images.encode import encode_png, pixel_sha256
from neckar.pipeline.results.checks.repair import reopen
from neckar.pipeline.results.checks.verification import verify
from neckar.pipeline.results.layout import copy_key
from neckar.pipeline.results.ledger import list_parts, read_ledger
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.results.rows.arrow import row_to_metadata
from neckar.pipeline.results.run import create_or_resume
from neckar.pipeline.results.success import seal
from neckar.pipeline.results.voids import reopened
from neckar.pipeline.storage.store import Store
from neckar.schemas.results import ResultRow
from tests.results.samples import failed_row, ok_row, run_record

PAIRS = 6
PIXELS = np.random.default_rng(0).integers(0, 256, (PAIRS, 16, 24, 3), np.uint8)


def stored(store: Store, index: int, pixels: np.ndarray | None = None, **changes: object) -> ResultRow:
    """A picture on the store, and its row."""
    pixels = PIXELS[index] if pixels is None else pixels
    row = ok_row(index, pixel_sha256=pixel_sha256(pixels), **changes)
    assert row.image_uri is not None
    data = encode_png(pixels, row_to_metadata(row))
    store.put(row.image_uri, data)
    return dataclasses.replace(row, image_sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture(params=["live", "finished"])
def run(request: pytest.FixtureRequest, store: Store) -> Store:
    """Five pictures and a failure."""
    begun = create_or_resume(store, run_record(PAIRS), owner="first")
    writer = PartWriter(store, begun.lease.epoch)
    for index in range(5):
        writer.add(stored(store, index))
    writer.add(failed_row(5))
    writer.flush()
    if request.param == "finished":
        seal(store, begun.record, begun.lease)
    begun.lease.release()
    return store


def key(index: int) -> str:
    uri = ok_row(index).image_uri
    assert uri is not None
    return uri


def flip(store: Store, where: str, at: float = 0.6) -> None:
    data = bytearray(store.get(where))
    data[int(at * len(data))] ^= 8
    store.put(where, bytes(data))


@pytest.mark.parametrize("pixels", [False, True])
def test_a_whole_run(run: Store, pixels: bool) -> None:
    report = verify(open_run(run.uri), pixels=pixels)
    assert report.whole
    assert (report.pictures, report.parts) == (5, 1)


def test_every_picture_that_is_not_what_its_row_says(run: Store) -> None:
    flip(run, key(0))
    run.put(key(1), run.get(key(1))[:100])
    stored(run, 2, device="another, later")
    run.put(key(3), run.get(key(4)))
    report = verify(open_run(run.uri))
    assert sorted(report.wrong) == [f"pair-{index:05d}" for index in range(4)]
    assert "not the file that was written" in report.wrong["pair-00000"]
    assert report.wrong["pair-00002"].endswith("though a picture with the right pixels")
    assert "tells of another image" in report.wrong["pair-00003"]


@pytest.mark.parametrize("damage", [None, b"another"])
def test_the_copy_of_a_deep_picture_is_looked_at_too(store: Store, damage: bytes | None) -> None:
    begun = create_or_resume(store, run_record(2), owner="first")
    writer = PartWriter(store, begun.lease.epoch)
    for index in range(2):
        copy, where = encode_png(PIXELS[index], {}), copy_key(key(index).split("/")[-1].removesuffix(".png"))
        writer.add(stored(store, index, copy_uri=where, copy_sha256=hashlib.sha256(copy).hexdigest()))
        if index == 0:
            store.put(where, copy)
        elif damage is not None:
            store.put(where, damage)
    writer.flush()
    report = verify(open_run(store.uri))
    assert list(report.wrong) == [ok_row(1).pair_id]
    assert ("not there" if damage is None else "not the file that was written") in report.wrong[ok_row(1).pair_id]


def test_a_row_without_a_file_s_hash_is_judged_by_the_picture_itself(store: Store) -> None:
    begun = create_or_resume(store, run_record(2), owner="first")
    writer = PartWriter(store, begun.lease.epoch)
    for index in range(2):
        writer.add(dataclasses.replace(stored(store, index), image_sha256=None))
    writer.flush()
    assert verify(open_run(store.uri)).whole
    flip(store, key(1))
    assert list(verify(open_run(store.uri)).wrong) == ["pair-00001"]


def test_pixels_that_are_not_those_of_the_row_are_found_when_they_are_looked_at(store: Store) -> None:
    begun = create_or_resume(store, run_record(1), owner="first")
    row = dataclasses.replace(stored(store, 0), pixel_sha256="0" * 64)
    writer = PartWriter(store, begun.lease.epoch)
    writer.add(row)
    writer.flush()
    assert verify(open_run(store.uri)).whole
    assert "pixels are not those" in verify(open_run(store.uri), pixels=True).wrong["pair-00000"]


@pytest.mark.parametrize("bit", range(3))
def test_a_damaged_file_of_rows_does_not_hide_the_pictures(run: Store, bit: int) -> None:
    (file,) = open_run(run.uri).files
    flip(run, file.key, (0.2, 0.6, 0.9)[bit])
    flip(run, key(1))
    report = verify(open_run(run.uri))
    assert list(report.damaged) == [file.key]
    finished = open_run(run.uri).success is not None
    assert list(report.wrong) == (["pair-00001"] if finished else [])  # there the drivers' parts tell of them


def test_what_was_repaired_is_open_again_and_lacks_what_was_wrong(run: Store, folder: Path) -> None:
    flip(run, key(1))
    (part,) = list_parts(run)
    report = verify(open_run(run.uri))
    reopen(run, report, owner="verify")
    ends = 0 if open_run(run.uri).success is None else 1
    assert reopened(run, ends)
    ledger = read_ledger(run, list_parts(run))
    assert [ledger.status(f"pair-{index:05d}") for index in range(3)] == ["ok", None, "ok"]
    data = run.get(part.key)
    flip(run, part.key)
    damaged = run.get(part.key)
    reopen(run, verify(open_run(run.uri)), owner="verify")
    assert run.get(f"damaged/{part.key}") == damaged != data
    assert read_ledger(run, list_parts(run)).counts().settled == 0  # its rows come back from their pictures
