"""A report that follows its run: the same page from this machine's own server, for whoever has its address."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from neckar.pipeline.report.about import about, name_of, told
from neckar.pipeline.report.again import pairs_again
from neckar.pipeline.report.details import BLOCK_PAIRS, details_of
from neckar.pipeline.report.page import Page, charts_script, render
from neckar.pipeline.report.sources import side_px, source_uris
from neckar.pipeline.report.table import PairTable, table_of
from neckar.pipeline.report.thumbnails import ACROSS, SIDE_PX, small, source, webp
from neckar.pipeline.results.live import Look, Watch
from neckar.pipeline.results.reading import ResultsReader, RunReader, open_run
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.storage.store import BINARY, StoreError
from neckar.schemas.errors import PairError, UserError

ADDRESS = "127.0.0.1"
LOOK_S = 4.0  # between two looks at the store, however many pages ask
_TOKEN_BYTES = 24
_STANDS = {
    "complete": "The run is complete.",
    "running": "The run goes on",
    "silent": "The run's driver is silent: dead, or cut off. The same neckar run goes on.",
    "stopped": "Nobody is at work on the run. The same neckar run goes on.",
}
_DETAILS = re.compile(r"details-(\d{4,9})")
_FILE = re.compile(r"(pictures|thumbs)/(\d{1,9})\.(?:png|webp)")
_SOURCE = re.compile(r"sources/source-(\d{4,9})\.webp")


@dataclass(frozen=True)
class Snapshot:
    """The run as it stood at one look.

    Attributes:
        reader: of it.
        version: a name for it: another one where there is more to read.
    """

    reader: ResultsReader
    version: str

    @cached_property
    def table(self) -> PairTable:
        """Its pairs."""
        return table_of(self.reader)

    @cached_property
    def again(self) -> list[dict[str, Any] | None] | None:
        """What makes each pair again."""
        return pairs_again(self.reader, self.table)

    @cached_property
    def uris(self) -> list[str]:
        """Of the content and style pictures: no others are read."""
        return source_uris(self.table)

    def packed(self) -> bytes:
        """The table's block."""
        sides = np.where(self.table.ok, SIDE_PX, 0).astype(np.uint8)
        header = {
            **about(self.reader, self.table),
            "version": self.version,
            "sources": {"uris": self.uris, "present": [True] * len(self.uris)},
            "thumbs": {"side": SIDE_PX, "across": ACROSS, "single": True},
            "pictures": {"how": "served"},
        }
        return self.table.packed(header, {"thumb width": sides, "thumb height": sides})

    def picture(self, place: int) -> bytes:
        """A pair's whole picture. Raises `StoreError`, `IndexError`."""
        key = self.table.pictures[place]
        if key is None:
            raise IndexError(place)
        return self.reader.store.get(key)


class RunPages:
    """What is served of a run: its snapshot, renewed when there is more.

    Args:
        reader: of the run when it was opened.
        clock: seconds, monotonic.
    """

    def __init__(self, reader: ResultsReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._first, self._clock = reader, clock
        self._watch = Watch(reader.store) if isinstance(reader, RunReader) else None
        self._lock = threading.Lock()
        self._looked = -np.inf
        self._look: Look | None = None
        self.snapshot = Snapshot(reader, _version(reader))

    def live(self) -> dict[str, Any]:
        """How the run stands, in words, and the version of its table. Raises `UserError` and `StoreError`."""
        with self._lock:
            if self._clock() - self._looked >= LOOK_S:
                self._renew()
                self._looked = self._clock()
            if self._look is None:
                return {"standing": "complete", "words": "A published set.", "version": self.snapshot.version}
            return {
                "standing": self._look.standing,
                "words": _words(self._look),
                "version": self.snapshot.version,
            }

    def _renew(self) -> None:
        if self._watch is None:
            return
        self._look = self._watch.look()
        reader = open_run(self._first.store.uri)
        version = _version(reader)
        if version != self.snapshot.version:
            self.snapshot = Snapshot(reader, version)


def _version(reader: ResultsReader) -> str:
    known = "\n".join(f"{file.key} {file.size}" for file in reader.files)
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def _words(look: Look) -> str:
    told = _STANDS[look.standing]
    live = look.live
    if look.standing != "running" or live is None:
        return told
    done = live.ok + live.failed + live.quarantined
    of = f" of {live.total:,}" if live.total is not None else ""
    rate = "" if live.pairs_per_min is None else f", {live.pairs_per_min:,.1f} a minute"
    age = "" if look.age_s is None else f", said {look.age_s:.0f} s ago"
    return f"{told}: {done:,}{of} pairs, {live.in_flight} in flight on {live.workers} workers{rate}{age}."


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one request."""

    status: int
    kind: str
    data: bytes


def answer(pages: RunPages, path: str) -> Answer:
    """What stands at a path below the token; nothing but the page, the run's table, details and pictures."""
    try:
        found = _named(pages, path) or _numbered(pages.snapshot, path)
    except (IndexError, PairError):
        found = None
    except (StoreError, UserError) as error:
        return Answer(404, "text/plain; charset=utf-8", str(error).encode())
    return found or Answer(404, "text/plain; charset=utf-8", b"there is nothing here")


def _named(pages: RunPages, path: str) -> Answer | None:
    snapshot = pages.snapshot
    match path:
        case "":
            page = Page(name_of(snapshot.reader), told(snapshot.table), "served")
            return Answer(200, "text/html; charset=utf-8", render(page))
        case "charts.js":
            return Answer(200, "text/javascript; charset=utf-8", charts_script().encode())
        case "live":
            return Answer(200, "application/json", json.dumps(pages.live()).encode())
        case "table":
            return Answer(200, BINARY, snapshot.packed())
    return None


def _numbered(snapshot: Snapshot, path: str) -> Answer | None:
    if found := _DETAILS.fullmatch(path):
        first = int(found[1]) * BLOCK_PAIRS
        last = min(first + BLOCK_PAIRS, len(snapshot.table))
        if first >= last:
            return None
        again = None if snapshot.again is None else snapshot.again[first:last]
        return Answer(200, BINARY, details_of(snapshot.reader, snapshot.table, first, last).packed(again))
    if found := _FILE.fullmatch(path):
        data = snapshot.picture(int(found[2]))
        if found[1] == "pictures":
            return Answer(200, "image/png", data)
        return Answer(200, "image/webp", webp(small(data, path)))
    if found := _SOURCE.fullmatch(path):
        uri = snapshot.uris[int(found[1])]
        side = side_px(snapshot.table, snapshot.uris)
        return Answer(200, "image/webp", webp(source(read_uri(uri), side, uri)))
    return None


class _Handler(BaseHTTPRequestHandler):
    """GET alone, of whoever knows the token, under the server's own name: a page of another site has neither."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "neckar", ""

    def do_GET(self) -> None:
        """See the class."""
        if self.headers.get("Host") != self.server.host:
            self._refuse(403, "this server answers to its own address alone")
            return
        token, slash, path = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()) or not slash:
            self._refuse(403, "the address lacks the token that neckar report --serve printed")
            return
        found = answer(self.server.pages, path)
        tag = f'"{hashlib.sha256(found.data).hexdigest()[:32]}"'
        if found.status == 200 and self.headers.get("If-None-Match") == tag:
            self._send(304, {"ETag": tag}, b"")
            return
        self._send(found.status, {"Content-Type": found.kind, "ETag": tag}, found.data)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):  # any other method
            return lambda: self._refuse(405, "GET alone")
        raise AttributeError(name)

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True  # of a request's body nobody reads on
        self._send(status, {"Content-Type": "text/plain; charset=utf-8", "Allow": "GET"}, f"{why}\n".encode())

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        more = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        more |= {"Cross-Origin-Resource-Policy": "same-origin", "Content-Length": str(len(data))}
        for name, value in {**headers, **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the library
        """Nothing: the address has the token."""


class Server(ThreadingHTTPServer):
    """On a free port of this machine.

    Attributes:
        pages: what it serves.
        token: without which it serves nothing.
    """

    daemon_threads = True

    def __init__(self, pages: RunPages) -> None:
        super().__init__((ADDRESS, 0), _Handler)
        self.pages = pages
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)

    @property
    def host(self) -> str:
        """Its name, as a browser says it."""
        return f"{ADDRESS}:{self.server_port}"

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.host}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that was closed in the middle of an answer is no error."""


@contextmanager
def serving(reader: ResultsReader) -> Iterator[Server]:
    """A server at work until the context ends.

    Raises:
        UserError, StoreError: the run cannot be read.
        OSError: there is no port.
    """
    pages = RunPages(reader)
    _ = pages.snapshot.table  # a run that cannot be read is told here
    with Server(pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
