"""All forms of a release, in one pass over the pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, get_args

from neckar.pipeline.release.about import write_about
from neckar.pipeline.release.bids import write_bids
from neckar.pipeline.release.brainio import StimuliZip, write_brainio
from neckar.pipeline.release.columns import columns_of
from neckar.pipeline.release.folder import CHECKSUMS, Folder
from neckar.pipeline.release.items import Item
from neckar.pipeline.release.jspsych import write_jspsych
from neckar.pipeline.release.parquet import StimuliParquet
from neckar.pipeline.release.psychopy import write_psychopy
from neckar.pipeline.release.tables import tsv
from neckar.pipeline.stimuli.final import FinalSet
from neckar.pipeline.storage.store import NotFound
from neckar.schemas.errors import UserError
from neckar.schemas.trials import Trials

Form = Literal["bids", "psychopy", "jspsych", "parquet", "brainio"]
FORMS: tuple[Form, ...] = get_args(Form)
WITH_PICTURES = {"bids": write_bids, "psychopy": write_psychopy, "jspsych": write_jspsych}
VIEW = "cue-conflict"
IGNORED = (f"{VIEW}*", "LICENSES.tsv", "environment.json", "waivers.tsv", CHECKSUMS)  # by BIDS's validator
READERS = 8
TOGETHER = 64  # pictures fetched at a time


def write(
    target: Path,
    forms: Sequence[Form],
    found: FinalSet,
    items: Sequence[Item],
    trials: Sequence[Trials],
    progress: Callable[[int, int], None],
) -> None:
    """A folder a form below `target`.

    Args:
        target: a folder.
        forms: those wanted.
        found: the set.
        items: what is handed over, sorted.
        trials: for the forms that know trials.
        progress: told how many pictures of how many are written.

    Raises:
        UserError: something else stands there, or a picture is gone.
        StoreError: as the run's store says.
    """
    if trials and any(not item.present for item in items) and {"psychopy", "jspsych"} & {*forms}:
        absent = next(item for item in items if not item.present)
        told = f"trials show {absent.pair.pair_id}, whose picture its sources forbid to hand over"
        raise UserError.at("trials", f"{told}; leave it out of the design, or hand over bids, parquet or brainio alone")
    folders = {form: Folder(target / form) for form in forms}
    names = columns_of(items)
    outlets = _Outlets(folders, items, names)
    with ThreadPoolExecutor(READERS) as hands:
        for first in range(0, len(items), TOGETHER):
            some = items[first : first + TOGETHER]
            for item, data in zip(some, hands.map(lambda item: _read(found, item), some), strict=True):
                outlets.add(item, data)
            progress(min(first + TOGETHER, len(items)), len(items))
    outlets.close()
    for form, folder in folders.items():
        if form in WITH_PICTURES:
            WITH_PICTURES[form](folder, found, items, trials)
        write_about(folder, found, items, form)
        _write_view(folder, items, linked=form in WITH_PICTURES)
        if form == "bids":
            folder.text(".bidsignore", *IGNORED)
        folder.close()


class _Outlets:
    """Where pictures go, as they come."""

    def __init__(self, folders: Mapping[Form, Folder], items: Sequence[Item], names: Sequence[str]) -> None:
        self._folders = folders
        self._items = items
        self._names = names
        self._parquet = self._zip = None
        if "parquet" in folders:
            self._parquet = StimuliParquet(folders["parquet"].path / "stimuli.parquet", names)
        if "brainio" in folders:
            self._zip = StimuliZip(folders["brainio"].path / "stimulus_set.zip")

    def add(self, item: Item, data: bytes | None) -> None:
        """A stimulus with its PNG; None where its sources forbid to hand it over."""
        if self._parquet is not None:
            self._parquet.add(item, data)
        if data is None:
            return
        for form, folder in self._folders.items():
            if form in WITH_PICTURES:
                folder.put(f"stimuli/{item.filename}", data)
        if self._zip is not None:
            self._zip.add(item, data)

    def close(self) -> None:
        if self._parquet is not None:
            self._parquet.close()
            self._folders["parquet"].took("stimuli.parquet")
        if self._zip is not None:
            self._zip.close()
            self._folders["brainio"].took("stimulus_set.zip")
            write_brainio(self._folders["brainio"], self._items, self._names)


def _read(found: FinalSet, item: Item) -> bytes | None:
    if not item.present:
        return None
    try:
        return found.reader.store.get(item.key)
    except NotFound:
        mend = "neckar verify RUN --repair makes it again"
        raise UserError.at(f"{found.reader.store.uri}/{item.key}", f"the picture is gone; {mend}") from None


def _write_view(folder: Folder, items: Sequence[Item], *, linked: bool) -> None:
    """By category of the content, as cue-conflict sets are shown: links to the pictures, and a table of them."""
    rows = []
    for item in items:
        if not item.present or item.pair.content is None:
            continue
        category = item.pair.extra.get("content.category") or item.pair.levels.get("content") or "stimuli"
        parts = [item.pair.levels.get(side) for side in ("content", "style")]
        name = "-".join(part for part in parts if part) or item.label
        place = f"{category.replace('/', '_')}/{name}_{item.label}.png"
        rows.append([place, item.id])
        if linked:
            folder.link(f"{VIEW}/{place}", f"stimuli/{item.filename}")
    folder.put(f"{VIEW}.tsv", tsv(["path", "stimulus_id"], rows))
