"""A set matched: what its pictures have in common is worked out in one pass, and given to each in a second."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neckar.pipeline.images.finish import FileForm, Finished, finish
from neckar.pipeline.photometry import histogram_match, luminance_match, spectrum_match
from neckar.pipeline.photometry.gamut import relit
from neckar.pipeline.photometry.luminance import from_light, light_of, luminance
from neckar.pipeline.photometry.luminance_match import Moments, Target
from neckar.pipeline.stimuli.entries import Entry
from neckar.schemas.errors import UserError
from neckar.schemas.finishing import Match

TOLERANCE = 0.005  # between what was requested and what the decoded file has

Levels = Callable[[Entry], np.ndarray]  # the samples of an entry's file
Luminances = Callable[[Iterable[Entry]], Iterator[np.ndarray]]


@dataclass(frozen=True, slots=True)
class Matched:
    """A picture matched.

    Attributes:
        finished: the samples of its file.
        columns: what was requested, and what was achieved.
    """

    finished: Finished
    columns: dict[str, Any]


def groups(entries: Iterable[Entry], within: Sequence[str]) -> dict[str, list[Entry]]:
    """Entries by the levels that they are matched within; all in one group where nothing is named.

    Raises:
        UserError: a name is neither a factor nor a column of any of them.
    """
    found: dict[str, list[Entry]] = defaultdict(list)
    known: set[str] = set()
    for entry in entries:
        levels = [(name, entry.level(name)) for name in within]
        known |= {name for name, level in levels if level is not None}
        found[", ".join(f"{name} = {level}" for name, level in levels if level is not None)].append(entry)
    for name in within:
        if name not in known:
            raise UserError.at(
                "match_within", f"{name!r} is neither a factor nor a column of the set; name one of those"
            )
    return found


def target_of(match: Match, group: str, pictures: Iterator[np.ndarray], forms: Iterable[FileForm] = ()) -> Any:
    """What the pictures of a group are to have: luminances (H, W) in, whatever `matched` takes out.

    Args:
        match: the method.
        group: its name, for messages.
        pictures: luminances.
        forms: of their files, whose apertures weigh `lum`; none have one where none are given.

    Raises:
        UserError: pictures of several sizes, or a target that no picture can have.
    """
    place = f"match ({group})" if group else "match"
    try:
        if match.method == "lum":
            return luminance_match.target(
                [
                    Moments.of(y, form.window(*_shape(y)))
                    for y, form in zip(pictures, itertools.chain(forms, itertools.repeat(FileForm())), strict=False)
                ],
                mean=match.mean,
                deviation=match.deviation,
                safe=match.safe,
            )
        if match.method == "hist":
            return histogram_match.target(pictures)
        if match.method == "spec":
            return spectrum_match.mean_amplitude(pictures)
        return _mean_annuli(pictures)
    except ValueError as error:
        told = f"{error}; give an exact size ([height, width]), or match lum"
        raise UserError.at(place, told) from None


def _mean_annuli(pictures: Iterator[np.ndarray]) -> np.ndarray:
    total: np.ndarray | None = None
    shape: tuple[int, ...] = ()
    count = 0
    for y in pictures:
        if total is not None and y.shape != shape:
            raise ValueError(f"pictures of {shape} and of {y.shape} px have no mean spectrum")
        found = spectrum_match.annular_amplitude(spectrum_match.amplitude_of(y))
        total, shape, count = found if total is None else total + found, y.shape, count + 1
    if total is None:
        raise ValueError("no picture")
    return np.asarray(total / count)


def matched(levels: np.ndarray, form: FileForm, match: Match, wanted: Any) -> Matched:
    """A picture with the wanted statistics, as a file of the same form.

    Args:
        levels: (H, W, 3 or 4), samples of its file.
        form: what they mean; an aperture in alpha stays as it is, and weighs means and deviations.
        match: the method.
        wanted: of `target_of`.
    """
    light = light_of(levels[..., :3], form.transfer)
    y = luminance(light)
    window = form.window(*_shape(y))
    asked = _asked(y, match, wanted, window)
    made = relit(light, asked)
    finished = finish(255 * from_light(made.light), form)
    achieved = luminance(light_of(finished.levels[..., :3], form.transfer))
    requested, found = Moments.of(asked, window), Moments.of(achieved, window)
    columns = {
        "match": match.method,
        "match_mean_requested": requested.mean,
        "match_mean_achieved": found.mean,
        "match_deviation_requested": requested.deviation,
        "match_deviation_achieved": found.deviation,
        "match_error": float(np.sqrt(np.mean((achieved - asked) ** 2))),
        "chroma_kept": made.chroma_kept,
    }
    if isinstance(wanted, Target):
        columns |= {"match_mean_requested": wanted.mean, "match_deviation_requested": wanted.deviation}
    return Matched(finished, {**columns, "match_forbidden_by": _forbidden_by(columns, y, asked)})


def _shape(y: np.ndarray) -> tuple[int, int]:
    height, width = y.shape
    return height, width


def _asked(y: np.ndarray, match: Match, wanted: Any, window: np.ndarray | None) -> np.ndarray:
    if match.method == "lum":
        return luminance_match.matched(y, wanted, window)
    if match.method == "hist":
        return histogram_match.matched(y, wanted)
    if match.method == "spec":
        return spectrum_match.spectrum_matched(y, wanted)
    return spectrum_match.frequencies_matched(y, wanted)


def _forbidden_by(columns: dict[str, Any], y: np.ndarray, asked: np.ndarray) -> str | None:
    """Why mean or deviation are not what was requested, in words."""
    off = max(
        abs(columns[f"match_{what}_achieved"] - columns[f"match_{what}_requested"]) for what in ("mean", "deviation")
    )
    if off <= TOLERANCE:
        return None
    if float(y.std()) <= 1e-9:
        return "the picture is constant: it has no contrast to scale"
    outside = float(np.mean((asked < 0.0) | (asked > 1.0)))
    if outside > 0.0:
        return f"the gamut: {outside:.1%} of the pixels would have to be darker than black or brighter than white"
    return f"rounding to the file's levels: off by {off:.4f}"
