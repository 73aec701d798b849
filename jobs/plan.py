"""`neckar plan`: how many pairs of what, how much work that is, and how long this machine would take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.arguments import BaseOption, ManifestArgument

if TYPE_CHECKING:
    from collections import Counter

    from jobs.cost import Rate, Work
    from pipeline.manifests.pairs import Survey


def plan(manifest: ManifestArgument, base: BaseOption = None) -> None:
    """Count the pairs per level, and estimate work and time from a measurement of a few seconds."""
    from jobs.cost import measure, work_of
    from pipeline.manifests.pairs import iter_pairs, survey
    from pipeline.manifests.source import load_manifest

    loaded = load_manifest(manifest, base=base)
    for line in _counts(survey(loaded)):
        print(line)
    work = work_of(iter_pairs(loaded))
    for line in _estimate(work, measure(loaded.manifest.settings, loaded.weights)):
        print(line)


def _counts(found: Survey) -> Iterator[str]:
    yield f"{'pairs':<12}{found.pairs:,}"
    yield f"{'pictures':<12}{found.content_images:,} contents, {found.style_images:,} styles"
    for factor, levels in found.levels.items():
        yield f"{factor:<12}" + " · ".join(f"{level} {count:,}" for level, count in levels.items())


def _estimate(work: Counter[Work], rate: Rate) -> Iterator[str]:
    total = sum(kind.flops * evaluations for kind, evaluations in work.items())
    yield f"{'work':<12}{work.total():,} evaluations at most, {total:.3g} FLOP in convolutions (pictures as squares)"
    yield (
        f"{'speed':<12}{rate.flops_per_s / 1e9:,.0f} GFLOP/s on {rate.device} in {rate.precision}: "
        f"measured just now, {rate.evaluations} evaluations at {rate.side_px} px"
    )
    time = timedelta(seconds=round(total / rate.flops_per_s))
    yield f"{'time':<12}{time} with one such worker, its start (about 10 s) and the store not counted"
