"""A stimulus against the manifest's thresholds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neckar.schemas.errors import UserError
from neckar.schemas.finishing import Quality
from neckar.schemas.layers import LAYER_NAMES

NULLS = 20  # others that a measure is compared with, at most: percentiles in steps of 5


def failed(row: Mapping[str, Any], wanted: Quality) -> list[str] | None:
    """The thresholds that a row does not hold, with its values; None where none of them applies to it."""
    judged = list(_judged(row, wanted))
    return [told for told, holds in judged if not holds] if judged else None


def _judged(row: Mapping[str, Any], wanted: Quality) -> Iterator[tuple[str, bool]]:
    """Every threshold that applies: what to say of it, and whether it holds."""
    for layer in LAYER_NAMES:
        for name, most in (
            (f"gram_rel_err_{layer}", wanted.gram_rel_err),
            (f"gram_rel_err_{layer}_null_percentile", wanted.gram_percentile),
        ):
            yield from _at_most(row, name, most)
    for name, least in (
        ("content_pearson_r", wanted.content_pearson_r),
        ("content_spearman_rho", wanted.content_spearman_rho),
        ("content_pearson_r_null_percentile", wanted.content_percentile),
    ):
        if least is not None and row.get(name) is not None:
            yield f"{name} {row[name]:.4g} < {least:g}", row[name] >= least
    for name in ("clip_low", "clip_high"):
        yield from _at_most(row, name, wanted.clipped)
    if wanted.copies and row.get("copies_style") is not None:
        yield "it copies a piece of its style", not row["copies_style"]
    if wanted.near_duplicates:
        yield f"it nearly equals {', '.join(row['near_duplicates'][:3])}", not row["near_duplicates"]
    if wanted.match and row.get("match") is not None:
        yield f"it could not be matched: {row['match_forbidden_by']}", row["match_forbidden_by"] is None


def _at_most(row: Mapping[str, Any], name: str, most: float | None) -> Iterator[tuple[str, bool]]:
    if most is not None and row.get(name) is not None:
        yield f"{name} {row[name]:.4g} > {most:g}", row[name] <= most


def check_percentiles(wanted: Quality, *, styles: int, contents: int) -> None:
    """Raises `UserError` where a percentile is finer than the set's other images can tell.

    Args:
        wanted: the thresholds.
        styles: other styles that each stimulus is compared with.
        contents: other contents.
    """
    for name, value, others, kind in (
        ("gram_percentile", wanted.gram_percentile, styles, "styles"),
        ("content_percentile", wanted.content_percentile, contents, "contents"),
    ):
        if value is None:
            continue
        if not others:
            told = f"the set has no other {kind} to compare with"
            raise UserError.at(f"qc.{name}", f"{told}; leave it out, or add {kind}")
        step = 100.0 / others
        if 0.0 < value < step or 0.0 < 100.0 - value < step:
            told = f"{value:g} % is finer than {others} other {kind} can tell (steps of {step:.3g} %)"
            raise UserError.at(f"qc.{name}", f"{told}; write 0, 100 or a coarser one, or add {kind}")
