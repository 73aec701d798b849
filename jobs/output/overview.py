"""What can be asked of a run: its views, their columns with units and meanings, its factors, examples."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neckar.schemas.layers import LAYER_NAMES

if TYPE_CHECKING:
    import pyarrow.dataset as ds

    from neckar.pipeline.queries.design_view import Factor

_LEVELS_SHOWN = 8
_VIEWS = {
    "results": "one row a pair that has a result",
    "loss_trace": "one row an evaluation of loss and gradient",
    "design": "one row a pair of the manifest, done or not; every factor is a column",
    "stimuli": "one row a stimulus of the finished set",
}
_TRACE = {
    "pair_id": "the pair's id",
    "iteration": "evaluations count from 1",
    "total": "alpha and beta applied",
    "content": "content loss (eq. 1), unweighted",
    "style": "style loss (eq. 5), unweighted",
    "conv1_1": "E_l of the layer (eq. 4); null where the layer has no style loss",
}


def print_views(run: str, views: Mapping[str, ds.Dataset]) -> None:
    """Print all of it."""
    from neckar.pipeline.queries.canned import examples
    from neckar.pipeline.queries.design_view import DesignView
    from neckar.pipeline.queries.union_view import UnionView

    for name, view in views.items():
        print(f"{name}: {_VIEWS[name]}")
        for column, kind, told in _columns(name, view):
            print(f"  {column:<26} {kind:<20} {told}".rstrip())
        print()
    design = views["design"]
    factors: tuple[Factor, ...] = design.factors if isinstance(design, DesignView | UnionView) else ()
    print("factors:" if factors else "factors: none; pairs that are listed have them where they have levels")
    for factor in factors:
        shown = ", ".join(factor.levels[:_LEVELS_SHOWN])
        more = len(factor.levels) - _LEVELS_SHOWN
        print(f"  {factor.column:<26} {shown}{f' and {more:,} more' if more > 0 else ''}")
    print("\nexamples:")
    for sql in examples([factor.column for factor in factors]):
        print(f"  neckar query {shlex.quote(run)} {shlex.quote(sql)}")


def _columns(name: str, view: ds.Dataset) -> list[tuple[str, str, str]]:
    """Column, its type, its meaning with the unit; the network's sixteen layers are told as one."""
    told = []
    for field in view.schema:
        if name == "loss_trace" and field.name in LAYER_NAMES[1:]:
            continue
        metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        meaning = metadata.get("meaning") or (_TRACE.get(field.name, "") if name == "loss_trace" else "")
        unit = f"; {metadata['unit']}" if metadata.get("unit") else ""
        column = f"{LAYER_NAMES[0]} ... {LAYER_NAMES[-1]}" if field.name == LAYER_NAMES[0] else field.name
        told.append((column, _type(str(field.type)), f"{meaning}{unit}"))
    return told


def _type(arrow: str) -> str:
    """Its name in SQL's words, as far as people know those."""
    short = {"string": "text", "double": "number", "float": "number", "int64": "integer", "int32": "integer"}
    return short.get(arrow, "time" if arrow.startswith("timestamp") else arrow)
