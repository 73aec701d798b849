"""Which views a run has, and those of several runs together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

import pyarrow.dataset as ds

from neckar.pipeline.queries.design_view import DesignView
from neckar.pipeline.queries.results_view import ResultsView
from neckar.pipeline.queries.trace_view import TraceView
from neckar.pipeline.queries.union_view import UnionView
from neckar.pipeline.results.reading import ResultsReader
from neckar.pipeline.stimuli.reading import tables_of
from neckar.schemas.errors import UserError

VIEWS = ("results", "loss_trace", "design", "stimuli")  # the last of a stimulus set alone

# Of some views the columns have to be read before they are views. SQL that neither names them, rightly or nearly, nor
# asks what there is, does without.
_ASKS_WHAT_THERE_IS = re.compile(r"\b(show|describe|desi|stim|information_schema|duckdb_|pg_)", re.IGNORECASE)


def views_of(reader: ResultsReader, sql: str | None = None) -> dict[str, ds.Dataset]:
    """`results`, `loss_trace`, `design` and, of a stimulus set, `stimuli`.

    Args:
        reader: of a run or of a version.
        sql: what is going to be asked; None for anything.

    Raises:
        UserError: a file of the run is damaged.
        StoreError: as the store says.
    """
    views: dict[str, ds.Dataset] = {"results": ResultsView(reader), "loss_trace": TraceView(reader)}
    if sql is None or "design" in sql.lower():
        views["design"] = DesignView(reader)
    elif _ASKS_WHAT_THERE_IS.search(sql):
        with suppress(UserError):  # the pairs file of a run may be gone: who asks for results does not mind
            views["design"] = DesignView(reader)
    if sql is None or "stimuli" in sql.lower() or _ASKS_WHAT_THERE_IS.search(sql):
        views |= {name: ds.dataset(table) for name, table in tables_of(reader).items()}
    return views


def views_of_all(readers: Mapping[str, ResultsReader], sql: str | None = None) -> dict[str, ds.Dataset]:
    """The views of several runs together, each with `run` as its first column; of one run alone its own.

    Args:
        readers: by the name that `run` will have.
        sql: as in `views_of`.

    Raises:
        UserError, StoreError: as `views_of`.
    """
    found = {name: views_of(reader, sql) for name, reader in readers.items()}
    if len(found) == 1:
        return next(iter(found.values()))
    names = dict.fromkeys(name for views in found.values() for name in views)
    return {name: UnionView({run: views[name] for run, views in found.items() if name in views}) for name in names}


def run_names(uris: list[str]) -> dict[str, str]:
    """URI to a short name of each run: the end of its URI, as far as it takes to tell them apart.

    Raises:
        UserError: one is given twice.
    """
    pieces = {uri: uri.rstrip("/").split("/") for uri in uris}
    if len(pieces) < len(uris):
        twice = next(uri for uri in uris if uris.count(uri) > 1)
        raise UserError.at(f"--with {twice}", "is given twice; leave one out")
    length = 1
    while True:
        names = {uri: "/".join(parts[-length:]) for uri, parts in pieces.items()}
        if len(set(names.values())) == len(names) or length > max(map(len, pieces.values())):
            return names
        length += 1
