"""`neckar plan`: how many pairs of what, how much work that is, and how long this machine would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from neckar.jobs.input.arguments import AllowLocalOption, BaseOption, ManifestArgument

if TYPE_CHECKING:
    from collections import Counter

    from neckar.jobs.measure.cost import Rate, Work
    from neckar.pipeline.manifests.pairs import Survey


def plan(manifest: ManifestArgument, base: BaseOption = None, allow_local: AllowLocalOption = False) -> None:
    """Count the pairs per level, and estimate work and time from a measurement of a few seconds."""
    from neckar.jobs.input.intake import take_in
    from neckar.jobs.measure.cost import measure, work_of
    from neckar.jobs.measure.feasible import refuse_impossible
    from neckar.pipeline.manifests.pairs import iter_pairs

    loaded, found = take_in(manifest, base, allow_local=allow_local)
    _print_rows(_counts(found))
    refuse_impossible(loaded, found)
    work = work_of(iter_pairs(loaded))
    _print_rows(_estimate(work, measure(loaded.manifest.settings, loaded.weights)))


def _counts(found: Survey) -> Iterator[tuple[str, str]]:
    yield "pairs", f"{found.pairs:,}"
    yield "pictures", f"{found.content_images:,} of content, {found.style_images:,} of style"
    for factor, levels in found.levels.items():
        yield factor, " · ".join(f"{level} {count:,}" for level, count in levels.items())


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
        print(f"{name:<14}{value}", flush=True)
