"""What a manifest asks of its set that its pairs cannot give: found before anything is computed."""

from __future__ import annotations

from neckar.pipeline.manifests.pairs import Survey
from neckar.pipeline.stimuli.thresholds import NULLS, check_percentiles
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.manifest import Manifest
from neckar.schemas.nearest import did_you_mean


def check(manifest: Manifest, found: Survey) -> None:
    """Raises `UserError` with every such demand.

    Args:
        manifest: with `match`, `match_within`, `qc`.
        found: its pairs.
    """
    problems: list[Problem] = []
    known = (*found.levels, *sorted(found.extras))
    for i, name in enumerate(manifest.match_within):
        if name not in known:
            told = f"{name!r} is neither a factor nor a column of the pairs{did_you_mean(name, known)}"
            problems.append(Problem(f"match_within[{i}]", told))
    if manifest.match is not None and manifest.match.method != "lum" and len(found.sizes) > 1:
        sizes = ", ".join(map(str, sorted(found.sizes, key=str)[:3]))
        told = f"{manifest.match.method} matches pictures of one size, and the pairs ask for several ({sizes})"
        problems.append(Problem("match", f"{told}; make it one, or match lum"))
    aperture = manifest.settings.aperture
    if manifest.match is not None and aperture is not None and aperture.bake:
        told = "a baked aperture would be matched together with its surround; leave bake out"
        problems.append(Problem("settings.aperture.bake", told))
    if manifest.qc is not None:
        try:
            check_percentiles(
                manifest.qc,
                styles=min(NULLS, max(0, found.style_images - 1)),
                contents=min(NULLS, max(0, found.content_images - 1)),
            )
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
