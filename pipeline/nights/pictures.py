"""The pictures of a night: folders listed, every file's bytes hashed once as long as it stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from neckar.pipeline.nights.layout import PICTURES_KEY
from neckar.pipeline.results.records import JSON_TYPE, read_record, to_json
from neckar.pipeline.storage.access import open_store
from neckar.pipeline.storage.store import NotFound, ObjectInfo, Store
from neckar.schemas.errors import UserError
from neckar.schemas.night import Picture, PictureList

_READERS = 8  # requests in flight
_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".ppm")


@dataclass(frozen=True)
class Found:
    """The pictures below some folders.

    Attributes:
        pictures: in the order of the folders and their listings, each content once.
        same_bytes: URIs left out, each with the one that stays.
        passed_over: number of files that are no pictures by their names.
    """

    pictures: list[Picture]
    same_bytes: list[tuple[str, str]]
    passed_over: int


class PictureShelf:
    """What is known of pictures, so that unchanged bytes are read once.

    Args:
        store: of the set.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        known = _known(store)
        self._known: Mapping[tuple[str, str, int], Picture] = {(p.uri, p.tag, p.size): p for p in known}
        self._seen: list[Picture] = []
        self._read = 0

    def find(self, side: str, folders: Sequence[str]) -> Found:
        """The pictures below some folders.

        Args:
            side: "content" or "style", for messages.
            folders: absolute URIs.

        Raises:
            UserError: there is none, or a folder is not there.
            StoreError: as the stores say.
        """
        pictures: dict[str, Picture] = {}
        same: list[tuple[str, str]] = []
        passed_over = 0
        with ThreadPoolExecutor(_READERS) as readers:
            for folder in dict.fromkeys(folders):
                store = open_store(folder)
                files = sorted(_listed(store, folder, side), key=lambda info: info.key)
                wanted = [info for info in files if _is_picture(info.key)]
                passed_over += len(files) - len(wanted)
                for picture in readers.map(partial(self._picture, store), wanted):
                    if picture is None:  # gone since it was listed: as if it had been a moment before
                        continue
                    first = pictures.setdefault(picture.sha256, picture)
                    if first.uri != picture.uri:
                        same.append((picture.uri, first.uri))
        if not pictures:
            told = f"no picture below {' and '.join(folders)}"
            mend = f"put some there ({', '.join(_ENDINGS[:5])}, ...), or mend the configuration"
            raise UserError.at(f"sources.{side}", f"{told}; {mend}")
        return Found(list(pictures.values()), same, passed_over)

    def save(self) -> None:
        """Write down what was learnt, if anything was."""
        if self._read:
            record = PictureList(pictures=sorted(self._seen, key=lambda picture: picture.uri))
            self._store.put(PICTURES_KEY, to_json(record), content_type=JSON_TYPE)
            self._read = 0

    def _picture(self, store: Store, info: ObjectInfo) -> Picture | None:
        uri = f"{store.uri}/{info.key}"
        tag = info.etag or info.modified.isoformat()
        picture = self._known.get((uri, tag, info.size))
        if picture is None:
            try:
                data = store.get(info.key)
            except NotFound:
                return None
            picture = Picture(uri=uri, tag=tag, size=info.size, sha256=hashlib.sha256(data).hexdigest())
            self._read += 1
        self._seen.append(picture)
        return picture


def _known(store: Store) -> list[Picture]:
    try:
        record = read_record(store, PICTURES_KEY, PictureList)
    except UserError:  # damaged: read the pictures again
        return []
    return record.pictures if record else []


def _listed(store: Store, folder: str, side: str) -> Iterator[ObjectInfo]:
    try:
        yield from store.list()
    except NotFound as error:
        raise UserError.at(f"sources.{side}", f"{error.message} ({folder})") from None


def _is_picture(key: str) -> bool:
    name = key.rpartition("/")[2]
    return not name.startswith(".") and name.lower().endswith(_ENDINGS)
