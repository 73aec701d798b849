"""Whether losses follow alpha/beta: more weight on the content never raises L_content nor lowers L_style."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Hashable, Iterable

from neckar.pipeline.stimuli.entries import Entry

ALLOWED = 0.05  # of the loss: runs of so many evaluations do not converge


def not_monotone(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Ids of stimuli that break it, each with one line a neighbour: pairs alike in all but alpha and beta."""
    series: dict[Hashable, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.pair.settings.synthesised and entry.row["alpha_beta_ratio"] is not None:
            series[_all_but_the_balance(entry)].append(entry)
    found: dict[str, list[str]] = defaultdict(list)
    for alike in series.values():
        alike.sort(key=lambda entry: entry.row["alpha_beta_ratio"])
        for before, after in itertools.pairwise(alike):
            for told in _wrong(before, after):
                found[after.pair.pair_id].append(told)
    return dict(found)


def _all_but_the_balance(entry: Entry) -> Hashable:
    settings = entry.pair.settings.canonical()
    rest = {name: repr(value) for name, value in settings.items() if name not in {"alpha", "beta"}}
    return entry.row["content_sha256"], entry.row["style_sha256"], tuple(sorted(rest.items()))


def _wrong(before: Entry, after: Entry) -> Iterable[str]:
    """`after` has the larger alpha/beta."""
    a, b = before.row, after.row
    if None in {a["loss_content_png"], b["loss_content_png"], a["loss_style_png"], b["loss_style_png"]}:
        return
    than = f"than at {before.pair.pair_id}, which has less weight on the content"
    if a["alpha_beta_ratio"] == b["alpha_beta_ratio"]:
        return
    if b["loss_content_png"] > (1 + ALLOWED) * a["loss_content_png"]:
        yield f"L_content is {b['loss_content_png'] / a['loss_content_png'] - 1:.0%} higher {than}"
    if b["loss_style_png"] < (1 - ALLOWED) * a["loss_style_png"]:
        yield f"L_style is {1 - b['loss_style_png'] / a['loss_style_png']:.0%} lower {than}"
