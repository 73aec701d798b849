"""A driver that only seemed dead: what it wrote counts, and it writes no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from neckar.pipeline.results.epochs import close_epochs
from neckar.pipeline.results.layout import PartPlace
from neckar.pipeline.results.lease import LeaseLost
from neckar.pipeline.results.ledger import list_parts
from neckar.pipeline.results.parts import PartWriter
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Store, Unavailable
from tests.results.samples import Stumbling, ok_row


def test_a_late_driver_is_stopped_and_what_it_wrote_before_counts(store: Store) -> None:
    late = PartWriter(store, epoch=1)
    late.add(ok_row(0))
    late.flush()
    late.add(ok_row(1))
    ledger = close_epochs(store, before=2)
    assert ledger.counts().ok == 1
    with pytest.raises(LeaseLost):
        late.flush()
    heir = PartWriter(store, epoch=2)
    heir.add(ok_row(1))
    heir.flush()
    assert close_epochs(store, before=3).counts().ok == 2


def test_an_epoch_without_parts_is_closed_too(store: Store) -> None:
    late = PartWriter(store, epoch=2)
    late.add(ok_row(0))
    assert close_epochs(store, before=3).counts().settled == 0
    with pytest.raises(LeaseLost):
        late.flush()


def test_an_epoch_is_closed_once(store: Store) -> None:
    PartWriter(store, epoch=1).add(ok_row(0))
    for before in (2, 2, 3, 3):
        close_epochs(store, before=before)
    assert [part.key for part in list_parts(store)] == [PartPlace(1, 0).key, PartPlace(2, 0).key]


class _Racing(LocalStore):
    """A folder in which the late driver manages to write its next parts just before its epoch is closed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.late = PartWriter(LocalStore(root), epoch=1)
        self.coming = [0, 1, 2]

    def put(self, key: str, data: bytes, **options: object) -> str:
        if self.coming:
            self.late.add(ok_row(self.coming.pop(0)))
            self.late.flush()
        return super().put(key, data, **options)  # type: ignore[arg-type]


def test_parts_that_slip_in_while_closing_count(folder: Path) -> None:
    store = _Racing(folder)
    assert close_epochs(store, before=2).counts().ok == 3
    store.late.add(ok_row(3))
    with pytest.raises(LeaseLost):
        store.late.flush()


@pytest.mark.parametrize("stumble", ["before", "after"])
def test_a_closing_that_the_store_interrupted_is_done_again(folder: Path, stumble: str) -> None:
    store = Stumbling(folder)
    store.stumbles = [stumble]
    with pytest.raises(Unavailable):
        close_epochs(store, before=2)
    close_epochs(store, before=2)
    assert [part.key for part in list_parts(store)] == [PartPlace(1, 0).key]


class _Unconditional(LocalStore):
    def conditional_writes(self) -> bool:
        return False


def test_without_conditional_writes_nothing_is_closed_and_counts_stay_right(folder: Path) -> None:
    store = _Unconditional(folder)
    late = PartWriter(store, epoch=1)
    late.add(ok_row(0))
    late.flush()
    close_epochs(store, before=2)
    heir = PartWriter(store, epoch=2)
    for writer in (late, heir):
        for index in (0, 1):
            writer.add(ok_row(index))
        writer.flush()
    assert close_epochs(store, before=3).counts().ok == 2
