"""`neckar plan`: how many pairs of what, how much work that is, and how long this machine would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from neckar.jobs.input.arguments import AllowLocalOption, BaseOption, ManifestArgument

if TYPE_CHECKING:
    from collections import Counter

    from neckar.jobs.measure.cost import Rate, Work
    from neckar.pipeline.designs.audit import Audit
    from neckar.pipeline.manifests.pairs import Survey
    from neckar.schemas.design import Design

_LEVELS_SHOWN = 12  # of a factor, each with its count: a line or two


def plan(manifest: ManifestArgument, base: BaseOption = None, allow_local: AllowLocalOption = False) -> None:
    """Count the pairs per level, and estimate work and time from a measurement of a few seconds."""
    from neckar.jobs.input.intake import take_in
    from neckar.jobs.measure.cost import measure, work_of
    from neckar.jobs.measure.feasible import refuse_impossible
    from neckar.pipeline.designs.audit import audit
    from neckar.pipeline.manifests.pairs import iter_pairs

    loaded, found = take_in(manifest, base, allow_local=allow_local)
    _print_rows(_counts(found))
    if loaded.manifest.design is not None:
        _print_rows(_audited(audit(iter_pairs(loaded), _columns(loaded.manifest.design))))
    refuse_impossible(loaded, found)
    work = work_of(iter_pairs(loaded))
    _print_rows(_estimate(work, measure(loaded.manifest.settings, loaded.weights)))


def _counts(found: Survey) -> Iterator[tuple[str, str]]:
    yield "pairs", f"{found.pairs:,}"
    yield "pictures", f"{found.content_images:,} of content, {found.style_images:,} of style"
    for factor, levels in found.levels.items():
        if len(levels) > _LEVELS_SHOWN:
            yield factor, f"{len(levels):,} levels of {_span(levels.values())}"
        else:
            yield factor, " · ".join(f"{level} {count:,}" for level, count in levels.items())


def _columns(design: Design) -> tuple[str, ...]:
    """What makes cells beside the factors: what the sample is drawn by, or the categories."""
    named = design.attributes
    return named or tuple(f"{side}.category" for side in ("content", "style"))


def _audited(found: Audit) -> Iterator[tuple[str, str]]:
    from neckar.pipeline.designs.audit import CHANCES, STYLISED, power

    for condition in dict.fromkeys(cell[0] for cell in found.cells):
        counts = [count for cell, count in found.cells.items() if cell[0] == condition]
        of = " x ".join(found.columns) if condition in STYLISED and found.columns else "condition alone"
        cells = "1 cell" if len(counts) == 1 else f"{len(counts):,} cells"
        yield condition, f"{cells} ({of}) of {_span(counts)} pairs"
    for side, uses in found.uses.items():
        if uses:
            yield f"uses, {side}", f"{len(uses):,} images, each in {_span(uses.values())} stylised pairs"
    if found.congruent:
        yield "congruent", f"{found.congruent:,} pairs"
    told = [f"{a} with {b}, V = {v:.2f}" for a, b, v in found.confounded]
    yield "confounded", "; ".join(told[:5]) + (f"; and {len(told) - 5} more" if len(told) > 5 else "") or "nothing"
    least = min((count for cell, count in found.cells.items() if cell[0] in STYLISED), default=0)
    for name, chance in CHANCES.items() if least else ():
        of_cell = power(least, chance)
        if of_cell.criterion is None:
            yield f"power, {name}", f"a cell of {least} trials cannot tell an observer from chance at 5 %"
        else:
            right = f"{of_cell.criterion} of {least} right beat chance at 5 %"
            yield f"power, {name}", f"{right}; with 80 % power from {of_cell.accuracy:.0%} correct"


def _span(counts: Iterable[int]) -> str:
    counts = list(counts)
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,} to {max(counts):,}"


def _estimate(work: Counter[Work], rate: Rate) -> Iterator[tuple[str, str]]:
    total = sum(kind.flops * evaluations for kind, evaluations in work.items())
    yield "work", f"{work.total():,} evaluations at most, {total:.3g} FLOP in convolutions (pictures as squares)"
    measured = f"measured just now, {rate.evaluations} evaluations at {rate.side_px} px"
    yield "speed", f"{rate.flops_per_s / 1e9:,.0f} GFLOP/s on {rate.device} in {rate.precision}: {measured}"
    time = timedelta(seconds=round(total / rate.flops_per_s / rate.workers))
    workers = "1 such worker" if rate.workers == 1 else f"{rate.workers} such workers, if they do not slow each other"
    yield "time", f"{time} with {workers}; its start (about 10 s) and the store not counted"


def _print_rows(rows: Iterable[tuple[str, str]]) -> None:
    for name, value in rows:
        print(f"{name:<17} {value}", flush=True)
