"""A set matched: targets by group, files with what was asked of them, and what forbade it."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from neckar.pipeline.images.finish import FileForm
from neckar.pipeline.photometry.luminance import light_of, luminance
from neckar.pipeline.photometry.spectrum_match import amplitude_of, annular_amplitude
from neckar.pipeline.stimuli.entries import Entry
from neckar.pipeline.stimuli.match import groups, matched, target_of
from neckar.schemas.errors import UserError
from neckar.schemas.finishing import Match
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings

LEVELS = [picture[100:196, 100:196] for picture in (data.astronaut(), data.coffee(), data.chelsea())]


def luminances(form=FileForm()):  # noqa: B008  # frozen
    return (luminance(light_of(levels, form.transfer)) for levels in LEVELS)


@pytest.mark.parametrize("form", [FileForm(), FileForm(16), FileForm(8, "linear"), FileForm(8, ramp=8.0)])
@pytest.mark.parametrize("safe", [False, True])
def test_luminance_is_as_requested_or_the_row_says_what_forbade_it(form, safe):
    match = Match(method="lum", safe=safe)
    wanted = target_of(match, "", luminances(), [form] * len(LEVELS))
    for levels in LEVELS:
        samples = levels if form.bit_depth == 8 else levels.astype(np.uint16) * 257
        if form.ramp is not None:
            samples = np.dstack([samples, np.full(samples.shape[:2], 255, np.uint8)])
        made = matched(samples, form, match, wanted)
        off = max(
            abs(made.columns[f"match_{what}_achieved"] - made.columns[f"match_{what}_requested"])
            for what in ("mean", "deviation")
        )
        assert (off <= 0.005) == (made.columns["match_forbidden_by"] is None)
        assert not safe or form.transfer == "linear" or off <= 0.005
        y = luminance(light_of(made.finished.levels[..., :3], form.transfer))
        found = np.average(y, weights=form.window(*y.shape))
        assert made.columns["match_mean_achieved"] == pytest.approx(found)
        assert made.finished.levels.dtype == samples.dtype
        assert made.finished.levels.shape == samples.shape


@pytest.mark.parametrize("method", ["hist", "sf", "spec"])
def test_the_other_methods_bring_pictures_nearer_to_each_other(method):
    match = Match(method=method)
    wanted = target_of(match, "", luminances())
    made = [matched(levels, FileForm(), match, wanted) for levels in LEVELS]

    def spread(ys):
        ys = list(ys)
        if method == "hist":
            return np.std([np.sort(y, axis=None) for y in ys], axis=0).mean()
        amplitudes = [amplitude_of(y) for y in ys]
        compared = [annular_amplitude(one)[1:20] if method == "sf" else one[1:20, 1:20] for one in amplitudes]
        return np.std(compared, axis=0).mean()

    after = (luminance(light_of(one.finished.levels)) for one in made)
    assert spread(after) < 0.35 * spread(luminances())
    for one in made:
        assert one.columns["match_error"] >= 0.0
        assert 0.0 < one.columns["chroma_kept"] <= 1.0


def test_a_constant_picture_says_so():
    match = Match(method="lum")
    wanted = target_of(match, "", luminances())
    made = matched(np.full((96, 96, 3), 77, np.uint8), FileForm(), match, wanted)
    assert "the picture is constant" in made.columns["match_forbidden_by"]
    assert made.columns["match_mean_achieved"] == pytest.approx(wanted.mean, abs=0.005)


def test_an_unsafe_target_is_forbidden_by_the_gamut():
    match = Match(method="lum", mean=0.9, deviation=0.4)
    made = matched(LEVELS[0], FileForm(), match, target_of(match, "", luminances()))
    assert made.columns["match_forbidden_by"].startswith("the gamut: ")


def test_pictures_of_several_sizes_have_no_common_spectrum():
    ys = iter([np.zeros((8, 8)), np.zeros((8, 9))])
    with pytest.raises(UserError, match=r"exact size \(\[height, width\]\), or match lum"):
        target_of(Match(method="sf"), "", ys)


def test_groups_are_the_levels_named():
    entries = [
        Entry(Pair(i, f"p{i}", "c", "s", Settings(), {"alpha": alpha}, {"content.category": "cat"}), {})
        for i, alpha in enumerate("112")
    ]
    assert {name: len(members) for name, members in groups(entries, ["alpha"]).items()} == {
        "alpha = 1": 2,
        "alpha = 2": 1,
    }
    assert next(iter(groups(entries, ["content.category", "alpha"]))) == "content.category = cat, alpha = 1"
    assert list(groups(entries, [])) == [""]
    with pytest.raises(UserError, match="'beta' is neither a factor nor a column"):
        groups(entries, ["beta"])
