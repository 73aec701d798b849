"""A driver killed with SIGKILL, again and again, at any moment: every pair ends with one row and one picture."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neckar.pipeline.images.encode import encode_png, pixel_sha256
from neckar.pipeline.results.layout import image_key
from neckar.pipeline.results.lease import LeaseHeld, LeaseWatch
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.results.reading import open_run
from neckar.pipeline.results.recovery import Unrecoverable, recover
from neckar.pipeline.results.rows.arrow import row_to_metadata
from neckar.pipeline.results.run import create_or_resume, finished
from neckar.pipeline.results.success import seal
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import NotFound, Store
from neckar.schemas.results import ResultRow
from tests.results.samples import ok_row, run_record

PAIRS = 60
LEASE_S = 0.5  # renewed at every part, and not outliving its killed driver for long


def pixels_of(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (16, 24, 3), dtype=np.uint8)


def made(store: Store, index: int) -> ResultRow:
    """The PNG first, then its row; a PNG that stands already is taken back."""
    row = ok_row(index)
    assert row.spec_hash is not None
    key = image_key(row.spec_hash)
    try:
        return recover(store, key)
    except (NotFound, Unrecoverable):
        row = ok_row(index, pixel_sha256=pixel_sha256(pixels_of(index)), image_uri=key)
        store.put(key, encode_png(pixels_of(index), row_to_metadata(row)))
        return recover(store, key)


def drive(uri: str, owner: str) -> None:
    """One driver's turn: what `neckar run` does, without the pictures' computation."""
    store = open_store(uri)
    if finished(store):
        return
    watch = LeaseWatch()
    while True:
        try:
            run = create_or_resume(store, run_record(PAIRS), owner=owner, lease_seconds=LEASE_S, watch=watch)
            break
        except LeaseHeld:
            time.sleep(LEASE_S / 5)
    writer = PartWriter(store, run.lease.epoch)
    for index in range(PAIRS):
        if run.ledger.status(f"pair-{index:05d}") is None:
            writer.add(made(store, index))
            if writer.waiting == 7:
                writer.flush()
                run.lease.renew()
    writer.flush()
    run.lease.renew()
    seal(store, run.record, run.lease)
    run.lease.release()


@pytest.mark.slow
@pytest.mark.chaos
def test_a_run_survives_its_drivers(store: Store) -> None:
    parts_before, killed = -1, 0
    for turn in range(12):
        driver = subprocess.Popen(
            [sys.executable, "-m", "tests.results.test_interruptions", store.uri, f"driver {turn}"]
        )
        # Each driver lives until it has written one part more than all before it, and a moment longer: so the blows
        # fall between a PNG and its row, within a PUT, in the compaction, wherever that moment ends.
        while driver.poll() is None and len(list(store.list("results/"))) <= parts_before + 1:
            time.sleep(0.02)
        time.sleep(0.03 * turn)
        driver.send_signal(signal.SIGKILL)
        if driver.wait() == 0:
            break
        killed += 1
        parts_before = len(list(store.list("results/")))
        assert open_run(store.uri).counts().settled <= PAIRS  # readable at any moment
    assert killed >= 3
    drive(store.uri, "the last")
    reader = open_run(store.uri)
    assert reader.success is not None
    assert reader.counts().ok == PAIRS
    assert reader.dataset().count_rows() == PAIRS
    for index in (0, PAIRS - 1):
        row = reader.row(f"pair-{index:05d}")
        assert row.pixel_sha256 == pixel_sha256(pixels_of(index))
        assert reader.image(row)
    assert len(list(store.list("images/"))) == PAIRS


def test_a_picture_whose_row_was_not_written_is_not_made_twice(folder: Path) -> None:
    store = open_store(str(folder))
    create_or_resume(store, run_record(PAIRS), owner="killed after the PNG").lease.release()
    orphan = made(store, 3)
    assert orphan.image_uri is not None
    before = store.head(orphan.image_uri)
    drive(str(folder), "next")
    assert store.head(orphan.image_uri) == before  # not even written over
    assert open_run(str(folder)).row("pair-00003").image_sha256 == orphan.image_sha256


if __name__ == "__main__":
    drive(*sys.argv[1:])
