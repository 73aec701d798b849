"""A worker's inside with a real local store and a stand-in engine; no Ray."""

from __future__ import annotations

import dataclasses
import re
import threading

import numpy as np
import pytest

from neckar.pipeline.images.decode import decode
from neckar.pipeline.images.encode import encode_png, read_levels
from neckar.pipeline.results.layout import image_key
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Full
from neckar.pipeline.worker.image_store import ImageStore
from neckar.pipeline.worker.loop import WorkerLoop
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import recipe
from neckar.pipeline.worker.rows import Maker
from neckar.schemas.errors import ErrorCode, PairError
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings
from tests.worker.standin import NON_FINITE, POISONED_SOLUTION, StandIn

MAKER = Maker(
    worker="worker-1",
    device="a stand-in",
    weights_sha256="5" * 64,
    torch_version="0.0",
    neckar_version="0.1.0",
    node="host",
    kernels="torch",
)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encode_png(np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8), {}))
    return str(path)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "run")


def pair(index, picture, **settings):
    wanted = Settings(size=24, iterations=3, seed=index).merged(settings)
    return Pair(index, f"p{index}", picture, picture, wanted, {"alpha": "0.001"})


def loop(store, slots=2, engine=None, images=None, prepare=None):
    pictures = Pictures()
    engine = engine or StandIn(slots)
    return engine, WorkerLoop(
        engine,
        images or ImageStore(store),
        prepare=prepare or (lambda p: recipe(p, pictures, precision="float32", weights_sha256="5" * 64)),
        maker=MAKER,
    )


def settle(loop, pairs, *, drop=()):
    """Advance until all pairs are settled; outcomes and rows by index."""
    outcomes, rows, calls = {}, {}, 0
    delivery = loop.advance(pairs, drop=drop, budget_s=2.0)
    while True:
        outcomes |= {outcome.index: outcome for outcome in delivery.outcomes}
        rows |= delivery.rows
        calls += 1
        if outcomes.keys() >= {p.index for p in pairs}:
            return outcomes, rows
        assert calls < 50
        delivery = loop.advance((), drop=(), budget_s=2.0)


def test_pairs_come_back_as_rows_and_pictures(store, picture):
    engine, worker = loop(store)
    pairs = [pair(index, picture) for index in range(5)]
    outcomes, rows = settle(worker, pairs)
    assert all(outcome.code is None for outcome in outcomes.values())
    for index, row in rows.items():
        data = store.get(row.image_uri)
        assert row.image_uri == image_key(row.spec_hash)
        assert decode(data, name="png").shape == (row.height_px, row.width_px, 3) == (16, 24, 3)
        assert (row.pair_index, row.pair_id, row.seed) == (index, f"p{index}", index)
        assert row.precision == "float32"
        assert row.loss_total == 3.0
        assert row.loss_total_png == 2.0
        assert row.alpha_beta_ratio == pytest.approx(1e-3)
        assert row.loss_trace.values.shape == (3, 3 + 5)
        assert row.worker == "worker-1"
    assert engine.submitted == 5


def test_twins_are_computed_once_and_get_a_row_each(store, picture):
    engine, worker = loop(store)
    twins = [pair(0, picture), dataclasses.replace(pair(0, picture), index=1, pair_id="twin", levels={})]
    _, rows = settle(worker, twins)
    assert engine.submitted == 1
    assert rows[0].image_sha256 == rows[1].image_sha256
    assert (rows[1].pair_id, rows[1].levels, rows[0].levels) == ("twin", {}, {"alpha": "0.001"})


def test_a_picture_that_stands_there_is_not_made_again(store, picture):
    _, first = settle(loop(store)[1], [pair(0, picture)])
    engine, worker = loop(store)
    other = dataclasses.replace(pair(0, picture), index=7, pair_id="later")
    _, rows = settle(worker, [other])
    assert engine.submitted == 0
    assert dataclasses.replace(rows[7], pair_index=0, pair_id="p0", loss_trace=None) == dataclasses.replace(
        first[0], loss_trace=None
    )


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"x" * 999])
def test_a_damaged_picture_is_made_again(store, picture, damage):
    _, rows = settle(loop(store)[1], [pair(0, picture)])
    whole = store.get(rows[0].image_uri)
    store.put(rows[0].image_uri, damage(whole))
    engine, worker = loop(store)
    _, again = settle(worker, [pair(0, picture)])
    assert engine.submitted == 1
    assert again[0].pixel_sha256 == rows[0].pixel_sha256
    np.testing.assert_array_equal(decode(store.get(rows[0].image_uri), name="new"), decode(whole, name="old"))


@pytest.mark.parametrize("damage", [None, b"", b"x" * 999])
def test_a_deep_picture_whose_copy_is_gone_is_made_again(tmp_path, store, picture, damage):
    deep = pair(0, picture, bit_depth=16)
    _, rows = settle(loop(store)[1], [deep])
    copy = store.get(rows[0].copy_uri)
    assert read_levels(copy).dtype == np.uint8
    assert read_levels(store.get(rows[0].image_uri)).dtype == np.uint16
    if damage is None:
        (tmp_path / "run" / rows[0].copy_uri).unlink()
    else:
        store.put(rows[0].copy_uri, damage)
    engine, worker = loop(store)
    _, again = settle(worker, [deep])
    assert engine.submitted == 1
    assert store.get(again[0].copy_uri) == copy
    assert settle(loop(store)[1], [deep])[1][0].copy_sha256 == again[0].copy_sha256


def test_who_loses_the_race_takes_the_winners_row(store, picture):
    """Both look before either has stored; the second finds the first one's picture when it stores its own."""
    _, first = settle(loop(store)[1], [pair(0, picture)])
    engine, late = loop(store, images=LookingAway(store))
    _, second = settle(late, [pair(0, picture)])
    assert engine.submitted == 1
    assert second[0].image_sha256 == first[0].image_sha256
    assert second[0].started_at == first[0].started_at


class LookingAway(ImageStore):
    """Does not see what stands there at its first look."""

    looked = False

    def find(self, spec_hash):
        if not self.looked:
            self.looked = True
            return None
        return super().find(spec_hash)


def test_own_errors_fail_one_pair_and_no_other(store, picture, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    _, worker = loop(store)
    pairs = [
        pair(0, picture),
        pair(1, str(tmp_path / "missing.png")),
        pair(2, str(tmp_path / "text.png")),
        pair(3, picture, seed=NON_FINITE),
        pair(4, picture, seed=POISONED_SOLUTION),
        pair(5, "ftp://example.invalid/x.png"),
        pair(6, picture),
    ]
    outcomes, rows = settle(worker, pairs)
    assert {index: outcome.code for index, outcome in outcomes.items()} == {
        0: None,
        1: ErrorCode.IMAGE_MISSING,
        2: ErrorCode.IMAGE_UNSUPPORTED,
        3: ErrorCode.NON_FINITE_LOSS,
        4: ErrorCode.INTERNAL,
        5: ErrorCode.URI_FORBIDDEN,
        6: None,
    }
    told = r"ArithmeticError: no losses for this one \(at standin.py:\d+ losses < loop.py:\d+ _pass_on\)"
    assert re.fullmatch(told, outcomes[4].message)
    assert str(tmp_path / "missing.png") in outcomes[1].message
    assert not any(outcome.unwritten for outcome in outcomes.values())
    assert rows.keys() == {0, 6}


def test_a_defect_while_fetching_is_told_with_its_exception(store, picture):
    def prepare(pair):
        raise PairError(ErrorCode.IMAGE_TOO_SMALL, "3 px") if pair.index else ZeroDivisionError("by\nzero")

    outcomes, _ = settle(loop(store, prepare=prepare)[1], [pair(0, picture), pair(1, picture)])
    assert outcomes[0].code == ErrorCode.INTERNAL
    assert re.fullmatch(
        r"ZeroDivisionError: by zero \(at test_loop.py:\d+ \w+ < loop.py:\d+ _fetch\)", outcomes[0].message
    )
    assert (outcomes[1].code, outcomes[1].message) == (ErrorCode.IMAGE_TOO_SMALL, "3 px")


class FullStore(ImageStore):
    def put(self, row, pixels):
        raise Full("s3://out/images", "no room")


def test_an_output_without_room_is_no_fault_of_the_pair(store, picture):
    outcomes, rows = settle(loop(store, images=FullStore(store))[1], [pair(0, picture)])
    assert (outcomes[0].code, outcomes[0].unwritten) == (ErrorCode.STORE_FULL, True)
    assert rows == {}


def test_what_is_over_its_time_is_dropped(store, picture):
    engine, worker = loop(store)
    endless, short = pair(0, picture, iterations=10**5), pair(1, picture)
    delivery = worker.advance([endless, short], drop=(), budget_s=0.5)
    assert delivery.running == (0,)
    assert delivery.evaluations > 0
    outcomes, _ = settle(worker, [endless], drop=(0,))
    assert outcomes[0].code is ErrorCode.DEADLINE_EXCEEDED
    assert engine.backlog == 0


def test_pictures_are_fetched_once(picture):
    pictures = Pictures()
    for _ in range(3):
        pictures.at(picture, 24, "lanczos")
    pictures.at(picture, 32, "lanczos")
    assert pictures.reads == 2


def test_the_cache_of_pictures_forgets_the_oldest(picture):
    pictures = Pictures(capacity_bytes=2 * 20 * 30 * 3 * 4)
    for size in (30, 29, 28, 30):
        pictures.at(picture, size, "lanczos")
    assert pictures.reads == 4


def test_an_idle_call_returns_at_once(store):
    delivery = loop(store)[1].advance((), drop=(), budget_s=1000.0)
    assert (delivery.outcomes, delivery.running) == ((), ())


def test_its_threads_do_not_hold_the_process(store):
    loop(store)
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith(("fetch-", "store-")))
